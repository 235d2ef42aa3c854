import { Injectable } from '@nestjs/common';
import { comesBack } from '../sockets/disconnect-reasons.js';
import type { Participant } from '../sockets/participants.js';
import type { SocketState } from '../sockets/socket-state.js';

/** A client that comes back later has been away for good. */
const MAX_ABSENCE_MS = 10 * 60_000;

const MAX_REMEMBERED = 10_000;

/**
 * Users whose connection broke a while ago, so that a new one is the client's return. [Q4]
 *
 * Stock clients keep what an app sends while they are offline, and send all of it when they are back: that is no abuse.
 */
@Injectable()
export class ReturningUsers implements Participant {
  /** When a connection broke, by user; the oldest first. */
  private readonly broken = new Map<string, number>();

  ended(state: SocketState, reason: string): void {
    if (!comesBack(reason) || state.endedWith !== undefined) return;
    const key = keyOf(state);
    this.broken.delete(key);
    this.broken.set(key, performance.now());
    if (this.broken.size <= MAX_REMEMBERED) return;
    const [oldest] = this.broken.keys();
    this.broken.delete(oldest!);
  }

  /** Whether a socket is that of a client that was here before, as far as this node knows. */
  isReturning(state: SocketState): boolean {
    const { pid } = (state.socket.handshake.auth ?? {}) as Readonly<Record<string, unknown>>;
    if (state.session && pid !== undefined) return true;
    const brokenAt = this.broken.get(keyOf(state));
    return brokenAt !== undefined && performance.now() - brokenAt < MAX_ABSENCE_MS;
  }
}

/** A client without a name has another one each time. */
const keyOf = ({ user, address }: SocketState): string =>
  user.startsWith('anonymous:') ? `at ${address}` : `user ${user}`;
