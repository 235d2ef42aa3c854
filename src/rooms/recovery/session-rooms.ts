/** The rooms of a session: how its socket is in them, as shared state keeps it. */
import { ROOM_ACTIONS, type RoomAction } from '../../protocol/capabilities.js';
import { EventPatterns } from '../../protocol/event-patterns.js';
import type { RoomGrant } from '../../sockets/grant.js';
import type { FanOutAdapter } from '../../delivery/fan-out.adapter.js';
import type { SessionRoom } from '../../engine/sessions.js';
import { watchedRoom } from '../../protocol/names.js';
import { membershipOf } from '../../sockets/membership.adapter.js';
import type { GatewaySocket, SocketState } from '../../sockets/socket-state.js';

/** How a room grant is kept with the session: as JSON. */
interface KeptGrant {
  readonly allow: readonly RoomAction[];
  readonly events?: readonly string[];
  readonly issuedAt?: number;
  readonly jti?: string;
  readonly expiresAt?: number;
  readonly untilLeft?: boolean;
}

export function describeRoom(state: SocketState, room: string): SessionRoom {
  const { socket, joinedByRight, roomGrants } = state;
  const grants = roomGrants?.get(room);
  const watched = watchedRoom(room);
  const watchedSince = watched === undefined ? undefined : state.watchedRooms?.get(watched);
  return {
    room,
    meta: (socket.nsp.adapter as FanOutAdapter).trackingOf(socket)?.metaRooms.has(room) === true,
    byRight: joinedByRight?.has(room) === true,
    ...(grants && { grant: grants.map(keptGrantOf) }),
    ...(watchedSince && { watchedSince }),
  };
}

const keptGrantOf = ({ allow, events, issuedAt, jti, expiresAt, untilLeft }: RoomGrant): KeptGrant => ({
  allow: [...allow],
  ...(events && { events: events.patterns }),
  issuedAt,
  jti,
  expiresAt,
  ...(untilLeft && { untilLeft }),
});

/** What room tokens had granted in a room. */
export function roomGrantsOf(kept: unknown): RoomGrant[] {
  return ((kept ?? []) as readonly KeptGrant[]).map(({ allow, events, ...rest }) => ({
    ...rest,
    ...(events && { events: new EventPatterns(events) }),
    allow: new Set(allow.filter((action) => ROOM_ACTIONS.includes(action))),
  }));
}

export const sharedRoomsOf = (socket: GatewaySocket): string[] =>
  membershipOf(socket).namesOfRooms(socket.id);

/** It may watch only what it is in, and shared state keeps no order of rooms. */
export const watchedAfterEntered = (rooms: readonly SessionRoom[]): SessionRoom[] => [
  ...rooms.filter(({ room }) => watchedRoom(room) === undefined),
  ...rooms.filter(({ room }) => watchedRoom(room) !== undefined),
];
