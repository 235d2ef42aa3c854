import { Socket } from 'socket.io';
import type { GatewaySocket } from '../registry/socket-state.js';
import { socketState } from '../registry/socket-state.js';
import type { SocketInbox } from './socket-inbox.js';

/**
 * Gives every event of a socket to its inbox, through one function that all sockets share.
 *
 * Socket.IO's documented ways in are a listener per event name and per socket, or `onAny`, which runs before the
 * middlewares of `socket.use()` and would let an event pass that one of them stops. So this replaces the private
 * `onevent`, where the packet with its acknowledgement number is at hand; where a future Socket.IO has no such
 * method, `onAny` serves. A test fails when that happens.
 */

interface EventPacket {
  readonly data?: unknown[];
  readonly id?: number;
}

interface SocketInternals {
  onevent?: (packet: EventPacket) => void;
  readonly fns: readonly unknown[];
  readonly _anyListeners?: readonly ((...args: unknown[]) => void)[];
  run(event: unknown[], done: (error?: Error) => void): void;
  _onerror(error: Error): void;
}

/** Whether this version of Socket.IO has the way in that respects `socket.use()`. */
export const HAS_PRIVATE_ENTRY =
  typeof (Socket.prototype as unknown as SocketInternals).onevent === 'function' &&
  typeof (Socket.prototype as unknown as SocketInternals).run === 'function';

export function takeEvents(socket: GatewaySocket): void {
  if (HAS_PRIVATE_ENTRY) (socket as unknown as SocketInternals).onevent = onEvent;
  else socket.onAny(onAnyEvent);
}

const inboxOf = (socket: GatewaySocket): SocketInbox => socketState(socket).inbox as SocketInbox;

function onEvent(this: GatewaySocket, packet: EventPacket): void {
  const event = packet.data ?? [];
  const internals = this as unknown as SocketInternals;
  if (internals._anyListeners?.length) {
    for (const listener of internals._anyListeners.slice()) listener.apply(this, event);
  }
  if (internals.fns.length === 0) {
    inboxOf(this).receive(event, packet.id);
    return;
  }
  internals.run(event, (error) => {
    if (error) internals._onerror(error);
    else if (this.connected) inboxOf(this).receive(event, packet.id);
  });
}

function onAnyEvent(this: GatewaySocket, ...event: unknown[]): void {
  inboxOf(this).receive(
    event.filter((arg) => typeof arg !== 'function'),
    undefined,
  );
}
