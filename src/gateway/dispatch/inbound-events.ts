import {
  divertEvents,
  hasEventEntry,
  takeAcknowledgement,
  type EventPacket,
} from '../../platform/listeners-of-io.js';
import { socketState, type GatewaySocket } from '../../sockets/socket-state.js';
import { inexactNumbersOf } from './inexact-numbers.js';
import type { Acknowledgement } from './reply.js';
import type { SocketInbox } from './socket-inbox.js';

/**
 * Gives every event of a socket to its inbox, through one function that all sockets share.
 *
 * Socket.IO's documented way in is a listener per event name and per socket, which costs memory for every handler of
 * every idle socket. So this takes Socket.IO's own entry, where the packet with its acknowledgement number is at
 * hand, and the inbox runs what the app itself has put on the socket (see `app-listeners.ts`). Where a future
 * Socket.IO has no such entry, the documented way serves; a test fails when that happens.
 */

type TakesEvents = Pick<SocketInbox, 'receive' | 'refuse' | 'receiveStrayAcknowledgement'>;

/** Takes all events of a socket; `handled` are those that gateways have handlers for. */
export function takeEvents(socket: GatewaySocket, handled: Iterable<string>): void {
  if (hasEventEntry(socket)) divertEvents(socket, onEvent, onAcknowledgement);
  else listenPerEvent(socket, handled);
}

const inboxOf = (socket: GatewaySocket): TakesEvents => socketState(socket).inbox as SocketInbox;

function onEvent(this: GatewaySocket, packet: EventPacket): void {
  const inexact = inexactNumbersOf(packet);
  if (inexact) inboxOf(this).refuse(packet.data ?? [], packet.id, inexact);
  else inboxOf(this).receive(packet.data ?? [], packet.id);
}

function onAcknowledgement(this: GatewaySocket, packet: EventPacket): void {
  if (!takeAcknowledgement(this, packet)) inboxOf(this).receiveStrayAcknowledgement();
}

/**
 * The documented way: Socket.IO itself runs the app's middlewares and listeners, and passes the acknowledgement as
 * the last argument.
 */
export function listenPerEvent(socket: GatewaySocket, handled: Iterable<string>): void {
  for (const event of handled) {
    socket.on(event, (...args: unknown[]) => receive(socket, [event, ...args]));
  }
  socket.onAny((event: unknown, ...args: unknown[]) => {
    // Whoever listens answers; an event that nobody takes is owed an answer all the same. [M1]
    if (socket.listenerCount(event as string) === 0) receive(socket, [event, ...args]);
  });
}

function receive(socket: GatewaySocket, event: unknown[]): void {
  const last = event.at(-1);
  const acknowledgement = typeof last === 'function' ? (last as Acknowledgement) : undefined;
  inboxOf(socket).receive(acknowledgement ? event.slice(0, -1) : event, acknowledgement);
}
