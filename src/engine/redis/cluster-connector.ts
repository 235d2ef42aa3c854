import { createConnection } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';
import type { SlotOwner } from './slot-owner.js';

type Stream = Awaited<ReturnType<AbstractConnector['connect']>>;

/**
 * Makes a plain client of one node connect to the node of a cluster that holds the keys, anew each time it connects.
 *
 * The client for clusters that comes with the library queues, sends again and follows redirections by itself, so that
 * nobody could tell what took effect and in which order.
 */
export function clusterConnector(
  owner: SlotOwner,
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
      return role !== 'slave';
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
          const { host, port } = await owner.find(signal);
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
