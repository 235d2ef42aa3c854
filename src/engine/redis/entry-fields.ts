import type { SocketEntry } from '../../protocol/entries.js';
import type { EntryFields } from './scripts/change.js';
import type { SocketFields } from './scripts/pages.js';

/** What is written of a socket. */
export function fieldsOf(socket: SocketEntry): EntryFields {
  // What changes while the socket lives is kept beside the entry.
  const entry = JSON.stringify({ ...socket, rooms: undefined, info: undefined, transport: undefined });
  return [socket.user, socket.namespace, socket.transport, entry, JSON.stringify(socket.info ?? null)];
}

/** A socket as it was written, or nothing where nothing is. */
export function entryOf(fields: SocketFields): SocketEntry | undefined {
  if (fields.length === 0) return undefined;
  const values = new Map<string, string>();
  const rooms: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const field = fields[index]!;
    if (field.startsWith('r:')) rooms.push(field.slice(2));
    else values.set(field, fields[index + 1]!);
  }
  const entry = JSON.parse(values.get('e')!) as Omit<SocketEntry, 'rooms' | 'info' | 'transport'>;
  const transport = values.get('t') as SocketEntry['transport'];
  return { ...entry, transport, rooms, info: JSON.parse(values.get('i')!) as unknown };
}
