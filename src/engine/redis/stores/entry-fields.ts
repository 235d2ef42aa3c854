import type { SocketEntry } from '../../../protocol/entries.js';
import type { EntryFields } from '../lua/change.js';

/** One letter each, so that one can be written over another in its place. */
const LETTERS = { polling: 'p', websocket: 'w', webtransport: 't' } as const satisfies Record<
  SocketEntry['transport'],
  string
>;
const TRANSPORTS: Readonly<Record<string, SocketEntry['transport']>> = {
  p: 'polling',
  w: 'websocket',
  t: 'webtransport',
};

/** An entry as the script completes it: with its order first, and the rooms it has joined last. */
export type WrittenEntry = readonly [
  transport: string,
  order: number,
  socketId: string,
  user: string,
  node: string,
  namespace: string,
  protocol: SocketEntry['protocol'],
  address: string,
  userAgent: string,
  connectedAt: string,
  info: unknown,
  ...rooms: string[],
];

const FIRST_ROOM = 11;

export const letterOf = (transport: SocketEntry['transport']): string => LETTERS[transport];

/** What is written of a socket. */
export function fieldsOf(socket: SocketEntry): EntryFields {
  const { socketId, user, node, namespace, protocol, address, userAgent, connectedAt } = socket;
  const list = [socketId, user, node, namespace, protocol, address, userAgent, connectedAt];
  const info = JSON.stringify(socket.info ?? null);
  return [user, namespace, letterOf(socket.transport), JSON.stringify(list).slice(1, -1), info];
}

/** A socket as it was written. */
export function entryOf(written: WrittenEntry): SocketEntry {
  return {
    socketId: written[2],
    user: written[3],
    node: written[4],
    namespace: written[5],
    transport: TRANSPORTS[written[0]]!,
    protocol: written[6],
    address: written[7],
    userAgent: written[8],
    connectedAt: written[9],
    rooms: written.slice(FIRST_ROOM) as string[],
    info: written[10],
  };
}

/** The place of a socket in the list of all sockets, and in that of its user. */
export const orderOf = (written: WrittenEntry): number => written[1];
