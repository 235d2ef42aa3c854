import { userRoom } from '../protocol/names.js';
import type { Selection, Target } from '../protocol/publication.js';

/** A target in the terms of Socket.IO: `undefined` rooms are everyone, an empty set is nobody. */
export interface RoomSelection {
  readonly rooms: ReadonlySet<string> | undefined;
  /** Those of the rooms that were named as sockets only: nobody else is meant, whoever else has got in there. [M3] */
  readonly sockets?: ReadonlySet<string> | undefined;
  readonly except: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

/** Users and sockets are rooms too: `user:<id>` and the socket's own ID. */
const roomsOf = (selection: Selection): ReadonlySet<string> => {
  const rooms = new Set(selection.rooms);
  for (const user of selection.users ?? []) rooms.add(userRoom(user));
  for (const socketId of selection.sockets ?? []) rooms.add(socketId);
  return rooms;
};

function onlySocketsOf({ sockets, rooms }: Selection): ReadonlySet<string> | undefined {
  if (!sockets || sockets.length === 0) return undefined;
  const only = new Set(sockets);
  for (const room of rooms ?? []) only.delete(room);
  return only;
}

/**
 * Translates a target for the adapter.
 *
 * Socket.IO takes an empty set of rooms for "everyone"; here it stays nobody, so that a list that happens to be
 * empty never becomes a broadcast. [D1]
 */
export function selectRooms(to: Target, except: Selection): RoomSelection {
  return {
    rooms: 'all' in to ? undefined : roomsOf(to),
    sockets: 'all' in to ? undefined : onlySocketsOf(to),
    except: (except.rooms ?? except.users ?? except.sockets) ? roomsOf(except) : NONE,
  };
}
