import type { ClientOptions, ClientProxy } from '@nestjs/microservices';
import { types } from 'node:util';
import type { Subscription } from 'rxjs';
import { containClient } from './amqp-channels.js';
import { containAnswers } from './contained-answers.js';
import { QUIET } from './quiet-logger.js';

/** What came of asking a service. */
export type ServiceReply =
  | { readonly kind: 'value'; readonly value: unknown }
  /** The service answered without a value. */
  | { readonly kind: 'empty' }
  /** What the service threw, as it travelled. */
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'timeout' }
  /** The service, or its broker, knows nobody who takes this pattern. */
  | { readonly kind: 'untaken'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string };

/**
 * How a message is handed to a client of Nest. A queue of RabbitMQ keeps what nobody takes: there a message ends with the time
 * of its answer, or it would take effect when the service is back, long after the caller was told that it failed. [N4]
 */
type Pack = (data: object, expiresInMs: number) => object;

/** What Nest's servers answer, and its client of NATS says, where no handler has the pattern. */
const UNTAKEN = [
  'There is no matching message handler',
  'Empty response. There are no subscribers listening',
] as const;

/** States of a broker that refuses messages for a while: the connection stands. */
const FULL: ReadonlySet<string> = new Set(['blocked', 'unblocked']);

/**
 * Asks a service of Nest by messages, and is always answered: no transport of Nest's has a time limit of its own, and most
 * leave what is under way open for ever when the connection is lost. [N4] [N6]
 */
export class ServiceClient {
  private readonly pending = new Set<() => void>();
  private isUp = false;

  constructor(
    private readonly proxy: ClientProxy,
    private readonly packed: Pack = (data) => data,
  ) {
    Object.assign(proxy, { logger: QUIET });
    proxy.status.subscribe((status: string) => {
      if (FULL.has(status)) return;
      this.isUp = status === 'connected';
      if (!this.isUp) for (const lose of this.pending) lose();
    });
  }

  /** @throws Error when `@nestjs/microservices` is missing */
  static async open(options: ClientOptions): Promise<ServiceClient> {
    const { ClientProxyFactory, RmqRecordBuilder, Transport } = await loadMicroservices();
    const proxy = ClientProxyFactory.create(options);
    containClient(proxy);
    containAnswers(proxy);
    if (options.transport !== Transport.RMQ) return new ServiceClient(proxy);
    return new ServiceClient(proxy, (data, expiresInMs) =>
      new RmqRecordBuilder(data).setOptions(expiringIn(expiresInMs)).build(),
    );
  }

  get isConnected(): boolean {
    return this.isUp;
  }

  /** Makes the connection before it is needed; one that cannot be made is made with the next question. */
  async connect(): Promise<void> {
    await Promise.resolve(this.proxy.connect() as unknown).catch(() => undefined);
  }

  /** Sends a message and resolves with its first value; never rejects. */
  ask(pattern: string, data: object, timeoutMs: number): Promise<ServiceReply> {
    return new Promise((resolve) => {
      let subscription: Subscription | undefined;
      let isOver = false;
      const end = (reply: ServiceReply): void => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        this.pending.delete(lose);
        subscription?.unsubscribe();
        resolve(reply);
      };
      const lose = (): void => end({ kind: 'failed', why: 'the connection was lost' });
      const timer = setTimeout(() => end({ kind: 'timeout' }), timeoutMs);
      this.pending.add(lose);
      subscription = this.proxy.send<unknown>(pattern, this.packed(data, timeoutMs)).subscribe({
        next: (value) => end(value === undefined ? { kind: 'empty' } : { kind: 'value', value }),
        error: (error) => end(errorReply(error)),
        complete: () => end({ kind: 'empty' }),
      });
      if (isOver) subscription.unsubscribe();
    });
  }

  async close(): Promise<void> {
    await Promise.resolve(this.proxy.close() as unknown).catch(() => undefined);
  }
}

/** Read when the message is handed to the broker, which may be a while later: the connection is made first. */
function expiringIn(ms: number): { readonly expiration: number } {
  const until = performance.now() + ms;
  return {
    get expiration() {
      return Math.max(1, Math.round(until - performance.now()));
    },
  };
}

/** What another side threw is JSON; what is an `Error` happened here, or is a text of the transport itself. */
function errorReply(error: unknown): ServiceReply {
  if (typeof error === 'object' && error !== null && !types.isNativeError(error)) {
    // Of amqp-connection-manager: its reason, and the address with its password.
    return 'err' in error && types.isNativeError(error.err)
      ? { kind: 'failed', why: error.err.message }
      : { kind: 'error', error };
  }
  const why = types.isNativeError(error) ? error.message || error.name : String(error);
  return { kind: UNTAKEN.some((text) => why.startsWith(text)) ? 'untaken' : 'failed', why };
}

async function loadMicroservices(): Promise<typeof import('@nestjs/microservices')> {
  try {
    return await import('@nestjs/microservices');
  } catch (failure) {
    if ((failure as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw failure;
    throw new Error('to speak with services of Nest, npm i @nestjs/microservices', { cause: failure });
  }
}
