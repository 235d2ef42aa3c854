import type { Socket } from 'socket.io';
import type { JsonValue } from '../protocol/json.js';
import { socketState, type GatewaySocket } from './socket-state.js';

/** Who a socket belongs to, as the gateway has settled it in the handshake. */
export interface SocketIdentity {
  /** The `sub` of its token, or what the app's own login says. */
  readonly user: string;
  /** What others see of the user: the `info` claim of its token, or `null`. */
  readonly info: JsonValue;
}

/**
 * Who a socket belongs to: the gateway's identity of it.
 *
 * Settled before the app's own middlewares, hooks and handlers run, and the same for as long as the socket lives.
 * `socket.data` is the app's alone and says nothing of it.
 *
 * @throws Error for a socket that has not passed the gateway's handshake
 * @see T2
 */
// Event maps and data are the app's business; `any` is Socket.IO's own default for them.
// oxlint-disable-next-line no-explicit-any
export function identityOf(socket: Socket<any, any, any, any>): SocketIdentity {
  const { user, info } = socketState(socket as GatewaySocket);
  return { user, info };
}
