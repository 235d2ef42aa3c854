import { ReplyError } from 'ioredis';
import type { HostAndPort, SentinelAddress } from '../../../../config/redis-address.js';
import { askNode, unique } from '../../node/ask-node.js';

/** A Sentinel as another tells of it: names and values in turn. */
type SentinelReply = readonly string[];

/** Barriers what a Sentinel failed with, so that nobody looks for it at Redis, whose password is another. */
const FROM_SENTINEL = 'Sentinel: ';

/**
 * Where the primary is, by the Sentinels that watch it.
 *
 * Asks one after the other: those that are in the address, and those that they have told of. One that did not help is
 * asked last the next time. The client library can ask Sentinels too, but says of all that fails only that the connection
 * is closed, be it the certificate or the host.
 */
export class SentinelPrimary {
  /** The Sentinels to ask, in this order. */
  private sentinels: readonly HostAndPort[];

  constructor(private readonly address: SentinelAddress) {
    this.sentinels = address.sentinels;
  }

  /** What was found is no primary: the Sentinel that named it is behind the others. */
  misled(): void {
    this.askLast(this.sentinels[0]!);
  }

  /** @throws what the most telling of the Sentinels failed with */
  async find(signal: AbortSignal): Promise<HostAndPort> {
    let telling: unknown;
    for (const sentinel of this.sentinels) {
      signal.throwIfAborted();
      try {
        return await this.ask(sentinel, signal);
      } catch (failure) {
        this.askLast(sentinel);
        // One that answers knows more than one that does not.
        if (!(telling instanceof ReplyError)) telling = failure;
      }
    }
    throw markedAsSentinels(telling);
  }

  private async ask(sentinel: HostAndPort, signal: AbortSignal): Promise<HostAndPort> {
    const { sentinelLogin: login, tls, name } = this.address;
    const [primary, others] = await askNode({ ...sentinel, login, tls }, signal, (client) =>
      Promise.all([
        client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name) as Promise<readonly [string, string] | null>,
        client.call('SENTINEL', 'SENTINELS', name) as Promise<readonly SentinelReply[]>,
      ]),
    );
    if (primary === null) throw new ReplyError('ERR No such master with that name');
    this.sentinels = unique([sentinel, ...this.sentinels, ...others.flatMap(addressOf)]);
    return { host: primary[0], port: Number(primary[1]) };
  }

  private askLast(sentinel: HostAndPort): void {
    this.sentinels = [...this.sentinels.filter((other) => other !== sentinel), sentinel];
  }
}

/** Where a Sentinel is that another knows of, unless it is gone. */
function addressOf(reply: SentinelReply): HostAndPort[] {
  const field = (name: string): string =>
    reply[reply.findIndex((at, index) => index % 2 === 0 && at === name) + 1] ?? '';
  const address = { host: field('ip'), port: Number(field('port')) };
  const isGone = field('flags').split(',').includes('disconnected');
  return isGone || address.host === '' || !(address.port > 0) ? [] : [address];
}

/** Without the original as its cause, which has the command with it: that of a login is the password. */
function markedAsSentinels(failure: unknown): Error {
  const { message = '', code } = (failure ?? {}) as { message?: string; code?: string };
  return Object.assign(new Error(FROM_SENTINEL + message), code === undefined ? {} : { code });
}
