/** The rooms of a session: how its socket is in them, as shared state keeps it. */
import { ROOM_ACTIONS, type RoomAction } from '../../protocol/capabilities.js';
import { EventPatterns } from '../../protocol/event-patterns.js';
import type { RoomGrant } from '../../sockets/grant.js';
import { clockOf, timeHere, type KeptClock } from './kept-time.js';
import { fanOutOf } from '../../delivery/fan-out.adapter.js';
import type { SessionRoom } from '../../engine/sessions.js';
import { watchedRoom } from '../../protocol/names.js';
import { membershipOf } from '../../sockets/membership.adapter.js';
import type { GatewaySocket, SocketState } from '../../sockets/socket-state.js';

/** How a room grant is kept with the session: as JSON. */
interface KeptGrant extends KeptClock {
  readonly allow: readonly RoomAction[];
  readonly events?: readonly string[];
  readonly issuedAt?: number;
  readonly jti?: string;
  readonly expiresAt?: number;
  readonly untilLeft?: boolean;
}

/** @param node this one */
export function describeRoom(state: SocketState, room: string, node: string): SessionRoom {
  const { socket, joinedByRight, roomGrants } = state;
  const grants = roomGrants?.get(room);
  const watched = watchedRoom(room);
  const watchedSince = watched === undefined ? undefined : state.watchedRooms?.get(watched);
  return {
    room,
    meta: fanOutOf(socket).trackingOf(socket)?.metaRooms.has(room) === true,
    byRight: joinedByRight?.has(room) === true,
    ...(grants && { grant: grants.map((grant) => keptGrantOf(grant, node)) }),
    ...(watchedSince && { watchedSince }),
  };
}

const keptGrantOf = (
  { allow, events, issuedAt, jti, expiresAt, untilLeft }: RoomGrant,
  node: string,
): KeptGrant => ({
  allow: [...allow],
  ...(events && { events: events.patterns }),
  issuedAt,
  jti,
  expiresAt,
  ...(expiresAt !== undefined && clockOf(node)),
  ...(untilLeft && { untilLeft }),
});

/**
 * What room tokens had granted in a room.
 * @param here this node
 */
export function roomGrantsOf(kept: unknown, here: string): RoomGrant[] {
  return ((kept ?? []) as readonly KeptGrant[]).map(
    ({ allow, events, node, aheadMs, expiresAt, ...rest }) => ({
      ...rest,
      ...(expiresAt !== undefined && { expiresAt: timeHere(expiresAt, { node, aheadMs }, here) }),
      ...(events && { events: new EventPatterns(events) }),
      allow: new Set(allow.filter((action) => ROOM_ACTIONS.includes(action))),
    }),
  );
}

export const sharedRoomsOf = (socket: GatewaySocket): string[] =>
  membershipOf(socket).namesOfRooms(socket.id);

/** A socket may watch only rooms that it is in, and shared state keeps no order of rooms. */
export const watchedAfterEntered = (rooms: readonly SessionRoom[]): SessionRoom[] => [
  ...rooms.filter(({ room }) => watchedRoom(room) === undefined),
  ...rooms.filter(({ room }) => watchedRoom(room) !== undefined),
];
