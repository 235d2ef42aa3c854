import { takeVolatileFlag } from '../platform/socket-of-io.js';
import { NOTICE } from '../protocol/events.js';
import { findSocketState, sentIn, type GatewaySocket } from '../sockets/socket-state.js';
import type { Outbound } from './outbound.js';

/** Notices that are of the moment, and names that Socket.IO throws on. */
export const PAST_THE_LOG: ReadonlySet<string> = new Set([
  NOTICE.serverDisconnect,
  NOTICE.exception,
  NOTICE.authExpiring,
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);

/**
 * Takes what an app emits to the one socket, for a socket that recovers. [H4]
 *
 * The stock client takes the last argument of an event for a cursor if it is a text, and presents that when it comes back,
 * which then proves nothing. So what an app emits is a publication to the socket, with a cursor of its own, and can be
 * recovered. What asks for an acknowledgement ends in a function at the client. All else is of the moment: what the
 * gateway itself has to say, and what is emitted before the client is connected. It gets `null` behind a text.
 */
export function takeDirectEmits(socket: GatewaySocket, outbound: Outbound): void {
  const emit = socket.emit.bind(socket);
  socket.emit = (name: string | symbol, ...args: unknown[]) => {
    const event = String(name);
    if (typeof args.at(-1) === 'function') return emit(name, ...args);
    if (!hasItsPlace(socket) || PAST_THE_LOG.has(event)) return emit(name, ...behindText(event, args));
    const [to, volatile] = [{ sockets: [socket.id] }, takeVolatileFlag(socket)];
    outbound.emit({ event, args, to, except: {}, volatile, namespace: socket.nsp.name }, false);
    return true;
  };
}

/** Whether the socket has its place in the log by now; also when it has ended: its client may be back for it. */
function hasItsPlace(socket: GatewaySocket): boolean {
  const session = findSocketState(socket)?.session;
  return session !== undefined && sentIn(session) !== undefined;
}

/** Without arguments the event's own name is the last text of the packet. */
const behindText = (event: string, args: readonly unknown[]): readonly unknown[] =>
  typeof [event, ...args].at(-1) === 'string' ? [...args, null] : args;
