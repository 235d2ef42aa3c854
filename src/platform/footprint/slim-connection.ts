import type { EventEmitter } from 'node:events';
import type { Socket as TcpSocket } from 'node:net';
import type { Socket } from 'socket.io';
import { interned, internHeaders } from './interned.js';
import { SmallMap } from './small-map.js';

/**
 * What an idle WebSocket connection holds in memory without ever using it, or in a form made for much more of it.
 *
 * None of this changes what a connection does: listeners that can never be called are taken off, lists and maps are
 * replaced by equal ones that are smaller, and equal texts are shared. It touches private state of Node's emitters,
 * Engine.IO, `ws` and Socket.IO; what has another shape than expected is left as it is, and a test fails when an
 * upgrade brings that about.
 */

// Event maps and data are the app's business; `any` is Socket.IO's own default for them.
// oxlint-disable-next-line no-explicit-any
type AnySocket = Socket<any, any, any, any>;

type Connection = AnySocket['conn'];

interface ConnectionInternals {
  readonly transport: TransportInternals;
  cleanupFn?: unknown;
  remoteAddress?: unknown;
}

interface TransportInternals extends EventEmitter {
  readonly socket?: WebSocketInternals;
}

interface WebSocketInternals extends EventEmitter {
  readonly _socket?: TcpSocket;
  readonly _receiver?: EventEmitter | null;
}

interface SocketInternals {
  readonly client: {
    sockets?: unknown;
    nsps?: unknown;
    readonly decoder?: { readonly _callbacks?: Record<string, unknown> };
  };
  acks?: unknown;
}

/** Once per connection, when it is a WebSocket one and all is set up. */
export function slimConnection(connection: Connection): void {
  const internals = connection as unknown as ConnectionInternals;
  const { transport } = internals;
  const webSocket = transport.socket;
  // Only polling answers with headers of its own.
  transport.removeAllListeners('headers');
  if (webSocket) {
    dropUpgradeListener(webSocket);
    packListeners(webSocket, WebSocketListeners, EMITTED_ONCE);
    if (webSocket._receiver) packListeners(webSocket._receiver, ReceiverListeners, NOTHING_ONCE);
    if (webSocket._socket) packListeners(webSocket._socket, TcpListeners, NOTHING_ONCE);
  }
  packListeners(transport, TransportListeners, EMITTED_ONCE_BY_TRANSPORT);
  packListeners(connection as unknown as EventEmitter, ConnectionListeners, EMITTED_ONCE);
  if (Array.isArray(internals.cleanupFn)) internals.cleanupFn = internals.cleanupFn.slice();
  if (typeof internals.remoteAddress === 'string')
    internals.remoteAddress = interned(internals.remoteAddress);
}

/** Once per socket; a connection has one for each namespace. */
export function slimSocket(socket: AnySocket): void {
  const internals = socket as unknown as SocketInternals;
  const { client } = internals;
  packListeners(socket as unknown as EventEmitter, SocketListeners, NOTHING_ONCE);
  if (isStockMap(internals.acks)) internals.acks = new SmallMap(internals.acks);
  if (isStockMap(client.sockets)) client.sockets = new SmallMap(client.sockets);
  if (isStockMap(client.nsps)) client.nsps = new SmallMap(client.nsps);
  const callbacks = client.decoder?._callbacks;
  if (callbacks) {
    for (const [event, list] of Object.entries(callbacks)) {
      if (Array.isArray(list)) callbacks[event] = list.slice();
    }
  }
  const { handshake } = socket;
  handshake.time = interned(handshake.time);
  handshake.url = interned(handshake.url);
  internHeaders(handshake.headers);
}

const isStockMap = (value: unknown): value is Map<unknown, unknown> => value instanceof Map;

/** Engine.IO listens for errors until its transport does, and forgets to stop. */
function dropUpgradeListener(webSocket: EventEmitter): void {
  const [first, ...others] = webSocket.listeners('error');
  if (first?.name === 'onUpgradeError' && others.length > 0) webSocket.off('error', first as () => void);
}

/** Objects without prototype, as Node's emitters expect them: no event is there that nobody listens to. */
type ListenersByEvent = Record<string | symbol, unknown>;

/**
 * A constructor of its own per kind of emitter: V8 gives all objects of one the room that the first few took.
 *
 * Not a class, whose prototype would have a `constructor`, which then were an event with a listener.
 */
function listenersOf(): new () => ListenersByEvent {
  const Listeners = function (): void {} as unknown as new () => ListenersByEvent;
  Object.defineProperty(Listeners, 'prototype', { value: Object.create(null) as object });
  return Listeners;
}

const ConnectionListeners = listenersOf();
const TransportListeners = listenersOf();
const WebSocketListeners = listenersOf();
const SocketListeners = listenersOf();
const ReceiverListeners = listenersOf();
const TcpListeners = listenersOf();

/**
 * What is emitted at most once, or whose listener is taken off by whoever hears of it first: Engine.IO's connection
 * ends once, and takes its listeners off its transport then.
 */
const EMITTED_ONCE: ReadonlySet<string | symbol> = new Set(['close']);
const EMITTED_ONCE_BY_TRANSPORT: ReadonlySet<string | symbol> = new Set(['close', 'error']);
const NOTHING_ONCE: ReadonlySet<string | symbol> = new Set();

/**
 * Node keeps an emitter's listeners in an object that V8 treats as a hash table, a quarter to half a kilobyte each, and
 * wraps each that is to be called once in three objects. The same entries as plain properties take a third, and what
 * is called only once in any case needs no wrapping.
 */
function packListeners(
  emitter: EventEmitter,
  Listeners: new () => ListenersByEvent,
  emittedOnce: ReadonlySet<string | symbol>,
): void {
  const holder = emitter as unknown as { _events?: ListenersByEvent };
  const events = holder._events;
  if (typeof events !== 'object' || events === null) return;
  const packed = new Listeners();
  for (const event of Reflect.ownKeys(events)) {
    const listeners = events[event];
    if (listeners === undefined) continue;
    const pack = emittedOnce.has(event) ? unwrapped : same;
    // A list that `push` has made has room for sixteen; one that carries a warning stays the list it is.
    packed[event] =
      Array.isArray(listeners) && !('warned' in listeners) ? copyOf(listeners, pack) : pack(listeners);
  }
  holder._events = packed;
}

/**
 * With the mark that Node.js 24 gives a list, whether it is being gone through: without it, a listener that takes itself
 * off has the next one left out, so that `ws` did not hear of the end of its TCP socket.
 */
function copyOf(listeners: readonly unknown[], pack: (listener: unknown) => unknown): unknown[] {
  const copy = listeners.map(pack);
  for (const mark of Object.getOwnPropertySymbols(listeners))
    Reflect.set(copy, mark, Reflect.get(listeners, mark));
  return copy;
}

const same = (listener: unknown): unknown => listener;

/** `once` leaves the listener itself at its wrapping, for `off` to find it. */
const unwrapped = (listener: unknown): unknown =>
  typeof listener === 'function' && 'listener' in listener && typeof listener.listener === 'function'
    ? listener.listener
    : listener;
