import { createConnection } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';
import type { HostAndPort } from '../../../../config/redis-address.js';

type Stream = Awaited<ReturnType<AbstractConnector['connect']>>;

/** A source that knows which node to connect to. */
export interface NodeFinder {
  find(signal: AbortSignal): Promise<HostAndPort>;
  /** What was found turned out to be a replica. */
  misled?(): void;
}

/**
 * Makes a plain client connect to a node that has to be asked for, anew each time it connects: the one of a cluster that
 * holds the keys, or the primary that Sentinels know.
 *
 * The client for clusters that comes with the library queues, sends again and follows redirections by itself, so that
 * nobody could tell what took effect and in which order.
 */
export function findingConnector(
  finder: NodeFinder,
  retryMs: (attempt: number) => number,
): NonNullable<RedisOptions['Connector']> {
  return class extends AbstractConnector {
    private readonly options: RedisOptions;
    private stopped = new AbortController();

    constructor(options: unknown) {
      // What the client was made with: the library says no more of its type.
      const given = options as RedisOptions;
      super(given.disconnectTimeout ?? 0);
      this.options = given;
    }

    /** A replica that was taken for the primary is not what was looked for. */
    override check({ role }: { role?: string }): boolean {
      const isPrimary = role !== 'slave';
      if (!isPrimary) finder.misled?.();
      return isPrimary;
    }

    override disconnect(): void {
      this.stopped.abort();
      super.disconnect();
    }

    /** Looks until it finds: a client whose connector fails would never try again. */
    async connect(tell: (type: string, failure: Error) => void): Promise<Stream> {
      this.connecting = true;
      const { signal } = (this.stopped = new AbortController());
      for (let attempt = 1; ; attempt++) {
        try {
          const { host, port } = await finder.find(signal);
          signal.throwIfAborted();
          const { tls } = this.options;
          this.stream = tls ? connectTls({ host, port, ...tls }) : createConnection({ host, port });
          this.stream.once('error', (failure: Error) => (this.firstError = failure));
          return this.stream;
        } catch (failure) {
          // The words by which the client knows that it was told to stop.
          if (signal.aborted) throw new Error('Connection is closed.', { cause: failure });
          tell('error', failure as Error);
          await delay(retryMs(attempt), undefined, { signal }).catch(() => undefined);
        }
      }
    }
  };
}
