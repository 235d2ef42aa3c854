import { Socket, type Namespace } from 'socket.io';
import type { Adapter } from 'socket.io-adapter';

/** How Socket.IO calls what an app has put on a socket, a namespace or an adapter; there is no setting for it. */

// Event maps and data are the app's business; `any` is Socket.IO's own default for them.
// oxlint-disable-next-line no-explicit-any
type AnySocket = Socket<any, any, any, any>;

export type Listener = (...args: unknown[]) => unknown;

/** Given by an app to `socket.use()`. */
export type SocketMiddleware = (event: unknown[], next: (error?: Error) => void) => unknown;

/** A socket, a namespace or an adapter. */
export type Emitter = Pick<AnySocket, 'listenerCount' | 'rawListeners'>;

/** How Socket.IO tells listeners of what no client can send: of a socket's end, of a connection to a namespace. */
export type EmitReserved = (this: Emitter, event: string, ...args: unknown[]) => boolean;

/** How Socket.IO tells listeners of `onAnyOutgoing()`. */
export type NotifyOutgoing = (this: AnySocket, packet: { readonly data: readonly unknown[] }) => void;

/** A packet with an event or an acknowledgement. */
export interface EventPacket {
  readonly data?: unknown[];
  readonly id?: number;
}

type TakesPacket = (this: AnySocket, packet: EventPacket) => void;

/** What is private in Socket.IO of a socket. */
interface SocketInternals {
  onevent?: TakesPacket;
  onack?: TakesPacket;
  run?: unknown;
  fns?: readonly SocketMiddleware[];
  readonly acks?: ReadonlyMap<unknown, unknown>;
  readonly _anyListeners?: readonly Listener[];
  readonly _anyOutgoingListeners?: readonly Listener[];
  notifyOutgoingListeners: NotifyOutgoing;
}

const NONE: readonly never[] = Object.freeze([]);

const inside = (socket: AnySocket): SocketInternals => socket as unknown as SocketInternals;

const { onack: stockOnAck } = Socket.prototype as unknown as SocketInternals;

/** The middlewares of `use()`. */
export const middlewaresOf = (socket: AnySocket): readonly SocketMiddleware[] => inside(socket).fns ?? NONE;

/** The listeners of `onAny()`. */
export const anyListenersOf = (socket: AnySocket): readonly Listener[] =>
  inside(socket)._anyListeners ?? NONE;

/** The listeners of `onAnyOutgoing()`. */
export const outgoingListenersOf = (socket: AnySocket): readonly Listener[] =>
  inside(socket)._anyOutgoingListeners ?? NONE;

/** How many listeners apps have added by `onAnyOutgoing()`, to any socket of this process. */
let outgoingListenersAdded = 0;

for (const method of ['onAnyOutgoing', 'prependAnyOutgoing'] as const) {
  const add = Socket.prototype[method];
  Socket.prototype[method] = function (this: Socket, listener) {
    outgoingListenersAdded++;
    return add.call(this, listener);
  };
}

/** A number that rises whenever some socket gets a listener of `onAnyOutgoing()`. */
export const outgoingListenersVersion = (): number => outgoingListenersAdded;

/** From now on Socket.IO tells the listeners of a socket or a namespace of what no client can send by `emit`. */
export function tellReservedBy(emitter: AnySocket | Namespace, emit: EmitReserved): void {
  (emitter as unknown as { emitReserved: EmitReserved }).emitReserved = emit;
}

/** From now on Socket.IO tells the listeners of `onAnyOutgoing()` by `notify`. */
export function tellOutgoingBy(socket: AnySocket, notify: NotifyOutgoing): void {
  inside(socket).notifyOutgoingListeners = notify;
}

/** From now on an adapter's listeners, for rooms that begin and end and who is in them, are told by `emit`. */
export function tellRoomsBy(adapter: Adapter, emit: EmitReserved): void {
  (adapter as { emit?: unknown }).emit = emit;
}

/** Whether all events of a socket can be taken by one function; the list of its middlewares then has to be run here. */
export function hasEventEntry(socket: AnySocket): boolean {
  const { onevent, run, fns } = inside(socket);
  return typeof onevent === 'function' && typeof run === 'function' && Array.isArray(fns);
}

/** From now on events of a socket, and acknowledgements, go to these functions, which all sockets may share. */
export function divertEvents(socket: AnySocket, onEvent: TakesPacket, onAcknowledgement: TakesPacket): void {
  const internals = inside(socket);
  internals.onevent = onEvent;
  internals.onack = onAcknowledgement;
}

/** Has Socket.IO take an acknowledgement; false where the socket waits for none of its number. */
export function takeAcknowledgement(socket: AnySocket, packet: EventPacket): boolean {
  if (!inside(socket).acks?.has(packet.id)) return false;
  stockOnAck?.call(socket, packet);
  return true;
}
