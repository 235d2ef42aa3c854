import { Injectable } from '@nestjs/common';
import type { FanOutAdapter } from '../delivery/fan-out.adapter.js';
import type { MembershipObserver } from '../registry/membership.adapter.js';
import type { SocketState } from '../registry/socket-state.js';
import { Presence } from './presence.service.js';
import { Recovery } from './recovery.service.js';

/**
 * Passes on who comes into rooms and leaves them, whoever put it there: the client, a backend or an app's own
 * `socket.join()`.
 */
@Injectable()
export class MembershipFeed implements MembershipObserver {
  constructor(
    private readonly recovery: Recovery,
    private readonly presence: Presence,
  ) {}

  joined(state: SocketState, room: string): void {
    this.recovery.joined(state, room);
    this.presence.joined(state, room);
  }

  left(state: SocketState, room: string): void {
    (state.socket.nsp.adapter as FanOutAdapter).trackingOf(state.socket)?.metaRooms.delete(room);
    this.recovery.left(state, room);
    this.presence.left(state, room);
  }

  /** Why it ended is known a moment later, in {@link ended}. */
  gone(state: SocketState, rooms: readonly string[]): void {
    state.goneFrom = rooms;
  }

  ended(state: SocketState, reason: string): void {
    this.recovery.ended(state, reason);
    this.presence.ended(state, reason);
  }
}
