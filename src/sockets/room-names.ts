import { isListedRoom, unlistedRoom, isUnlistedRoom, internalRoom } from '../protocol/names.js';

/**
 * Rooms of any value, and the names under which the gateway knows them.
 *
 * To Socket.IO a room is any value, as it is to the `Set` that it keeps them in: an app may join `5`, `null` or an
 * object. Engine, histories and sessions know texts only. A text is its own name unless it is one of those that the
 * gateway gives a meaning of its own (`user:7`); every other value has a name that no client and no backend can write.
 */

/** Numbers the objects and symbols that are rooms: they are the same room in this process only. */
let lastOwn = 0;
const ownNames = new WeakMap<object, string>();
const symbolNames = new Map<symbol, string>();

/** The name of a room; the same for values that a `Set` takes for the same. Never throws. */
export function roomNameOf(room: unknown): string {
  switch (typeof room) {
    case 'string':
      return isListedRoom(room) ? room : unlistedRoom(`s${room}`);
    case 'number':
      return unlistedRoom(`n${room}`);
    case 'bigint':
      return unlistedRoom(`i${room}`);
    case 'boolean':
    case 'undefined':
      return unlistedRoom(`v${String(room)}`);
    case 'symbol':
      return nameOfSymbol(room);
    default:
      return room === null ? unlistedRoom('vnull') : nameOfObject(room as object);
  }
}

const VALUES: Readonly<Record<string, unknown>> = { true: true, false: false, null: null, undefined };

/** The room of a name, as another node or a session has it; `undefined` where it is a room of one process only. */
export function roomOfName(name: string): { readonly room: unknown } | undefined {
  if (isListedRoom(name)) return { room: name };
  if (!isUnlistedRoom(name)) return undefined;
  const text = name.slice(2);
  switch (name[1]) {
    case 's':
      return { room: text };
    case 'n':
      return { room: Number(text) };
    case 'i':
      return { room: BigInt(text) };
    default:
      return { room: VALUES[text] };
  }
}

/** The names of rooms. */
export const roomNamesOf = (rooms: Iterable<unknown>): string[] => Array.from(rooms, roomNameOf);

function nameOfObject(room: object): string {
  let name = ownNames.get(room);
  if (name === undefined) ownNames.set(room, (name = internalRoom(`object:${++lastOwn}`)));
  return name;
}

function nameOfSymbol(room: symbol): string {
  let name = symbolNames.get(room);
  if (name === undefined) symbolNames.set(room, (name = internalRoom(`symbol:${++lastOwn}`)));
  return name;
}
