import { userRoom } from '../protocol/names.js';
import type { Selection, Target } from '../protocol/publication.js';

/** A target in the terms of Socket.IO: `undefined` rooms are everyone, an empty set is nobody. */
export interface RoomSelection {
  readonly rooms: ReadonlySet<string> | undefined;
  /** Rooms that were named as sockets only: nobody else is meant, whoever else has got in there. [M3] */
  readonly sockets?: ReadonlySet<string> | undefined;
  readonly except: Excepted;
}

/** What is taken off a target. A name of a socket is no room here: whoever is in one of that name stays. [D1] */
export interface Excepted {
  readonly rooms: ReadonlySet<string>;
  readonly sockets: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();
const NOBODY: Excepted = { rooms: NONE, sockets: NONE };

/** Users are rooms too: `user:<id>`. */
function roomsOf({ rooms: names, users }: Selection): Set<string> {
  const rooms = new Set(names);
  for (const user of users ?? []) rooms.add(userRoom(user));
  return rooms;
}

/** And so are sockets: their own ID. */
function allOf(selection: Selection): ReadonlySet<string> {
  const rooms = roomsOf(selection);
  for (const socketId of selection.sockets ?? []) rooms.add(socketId);
  return rooms;
}

function exceptedBy(selection: Selection): Excepted {
  const { rooms, users, sockets } = selection;
  if (!rooms && !users && !sockets) return NOBODY;
  return {
    rooms: rooms || users ? roomsOf(selection) : NONE,
    sockets: sockets ? new Set(sockets) : NONE,
  };
}

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
  if ('all' in to) return { rooms: undefined, sockets: undefined, except: exceptedBy(except) };
  const sockets = onlySocketsOf(to);
  // Most publications of backends name nothing but sockets: one set is both then.
  const rooms = sockets && !to.rooms && !to.users ? sockets : allOf(to);
  return { rooms, sockets, except: exceptedBy(except) };
}
