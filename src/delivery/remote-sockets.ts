import { Logger } from '@nestjs/common';
import { MAX_DEPTH, measureValue } from '../protocol/json.js';
import { membershipOf } from '../sockets/membership.adapter.js';
import { roomOfName } from '../sockets/room-names.js';
import type { GatewaySocket } from '../sockets/socket-state.js';

/** Sockets as one node tells them to another: what Socket.IO's `RemoteSocket` has. [T1] */

const logger = new Logger('Nodes');

/** A socket as it travels; rooms by their names, so that those of any value arrive. */
export interface SocketDescription {
  readonly id: string;
  readonly handshake: object;
  readonly rooms: readonly string[];
  readonly data: unknown;
}

/** Credentials: a holder can be that client. They stay on the node that the client has shown them to. */
const CREDENTIAL_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'x-api-key',
]);

export const describeSocket = (socket: GatewaySocket): SocketDescription => ({
  id: socket.id,
  handshake: withoutCredentials(socket.handshake),
  rooms: membershipOf(socket).namesOfRooms(socket.id),
  data: travelling(socket),
});

/** A socket of another node, as Socket.IO's `RemoteSocket` takes it. */
export const remoteSocketOf = ({ id, handshake, rooms, data }: SocketDescription): unknown => ({
  id,
  handshake,
  rooms: [
    id,
    ...rooms
      .map(roomOfName)
      .filter((found) => found !== undefined)
      .map(({ room }) => room),
  ],
  data,
});

function withoutCredentials(handshake: GatewaySocket['handshake']): object {
  const { address, headers, issued, query, secure, time, url, xdomain } = handshake;
  // What a 2.x client is identified by.
  const { token, ...shown } = query;
  return {
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIAL_HEADERS.has(name))),
    time,
    address,
    xdomain,
    secure,
    issued,
    url: token === undefined ? url : url.replaceAll(/([?&])token=[^&]*&?/g, '$1'),
    query: shown,
    auth: {},
  };
}

/** `socket.data`, unless it is no JSON: that must not cost the others their answer. */
function travelling(socket: GatewaySocket): unknown {
  const data = socket.data as unknown;
  const { depth, holdsBigInt } = measureValue(data);
  if (depth <= MAX_DEPTH && !holdsBigInt) return data;
  logger.warn('the data of a socket cannot be told to other nodes: it is no JSON', { socketId: socket.id });
  return {};
}
