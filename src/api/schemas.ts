/** What the routes take in path and query, and what lists answer. */
import { z } from 'zod';
import { roomName, socketId, userName } from '../protocol/names.js';
import { cursor } from '../protocol/requests.js';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../registry/cursor.js';

export const socketPath = z.object({ id: socketId });
export const socketRoomPath = z.object({ id: socketId, room: roomName });
export const userPath = z.object({ user: userName });
export const userRoomPath = z.object({ user: userName, room: roomName });
export const roomPath = z.object({ room: roomName });

const wholeNumber = (min: number, max: number): z.ZodType<number> =>
  z.coerce.number(`expected a whole number from ${min} to ${max}`).int().min(min).max(max);

export const pageQuery = z.object({
  limit: wholeNumber(1, MAX_PAGE_SIZE)
    .optional()
    .meta({ description: `Items per page, 1 to ${MAX_PAGE_SIZE}; default ${DEFAULT_PAGE_SIZE}` }),
  cursor: cursor.optional().meta({ description: '`next` of the page before' }),
});

export const socketsQuery = pageQuery.extend({ user: userName.optional(), room: roomName.optional() });

export const roomsQuery = pageQuery.extend({
  prefix: z.string().max(128).optional().meta({ description: 'Only rooms that start with this' }),
});

export const disconnectQuery = z.object({
  reconnect: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'Let the client come back by itself; default false' }),
});

/** A page of a list. [R3] */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({
    items: z.array(item),
    next: z.string().nullable().meta({ description: 'Cursor of the next page; `null` on the last' }),
    total: z.int().min(0),
  });

export const disconnectedAnswer = z
  .object({ disconnected: z.int().min(0) })
  .meta({ id: 'DisconnectedAnswer' });
