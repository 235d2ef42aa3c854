/** What the routes take in path and query, and what lists answer. */
import { z } from 'zod';
import { positionText, sinceText, webhookName } from '../backend/command.schemas.js';
import { roomName, socketId, userName } from '../protocol/names.js';
import { cursor } from '../protocol/requests.js';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../protocol/paging.js';

export const socketPath = z.object({ id: socketId });
export const socketRoomPath = z.object({ id: socketId, room: roomName });
export const userPath = z.object({ user: userName });
export const userRoomPath = z.object({ user: userName, room: roomName });
export const roomPath = z.object({ room: roomName });

export const webhookPath = z.object({ name: webhookName });

/** In decimal digits: `1e2` and `0x10` are numbers to JavaScript only. */
function wholeNumber(min: number, max: number): z.ZodType<number> {
  const expected = `expected a whole number from ${min} to ${max}`;
  return z.preprocess(
    (text) => (typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined),
    z.number(expected).int(expected).min(min, expected).max(max, expected),
  );
}

export const pageQuery = z.strictObject({
  limit: wholeNumber(1, MAX_PAGE_SIZE)
    .optional()
    .meta({ description: `Items per page, 1 to ${MAX_PAGE_SIZE}; default ${DEFAULT_PAGE_SIZE}` }),
  cursor: cursor.optional().meta({ description: '`next` of the page before' }),
});

export const socketsQuery = pageQuery.extend({ user: userName.optional(), room: roomName.optional() });

export const roomsQuery = pageQuery.extend({
  prefix: z.string().max(128).optional().meta({ description: 'Only rooms that start with this' }),
});

export const historyQuery = z.strictObject({
  since: positionText.optional().meta({
    description:
      '`<epoch>:<offset>`: gives what was published after it. Without it, the last `limit` publications',
  }),
  limit: pageQuery.shape.limit,
});

export const attemptsQuery = z.strictObject({
  user: userName
    .optional()
    .meta({ description: 'Also the events of this user, and whether they were delivered' }),
  room: roomName.optional().meta({ description: 'The same of a room' }),
});

export const replayQuery = z.strictObject({
  since: sinceText.meta({ description: 'RFC 3339; events are kept for 24 h' }),
});

/** Part of a room's history. [H1] [H2] */
export const historyAnswer = z
  .object({
    epoch: z.string().meta({ description: 'Another epoch is another history' }),
    offset: z.int().min(0).meta({ description: 'Of the last publication; 0 when there was none' }),
    publications: z.array(
      z.object({
        id: z.string(),
        offset: z.int().min(1),
        event: z.string(),
        args: z.array(z.unknown().meta({ description: 'Any JSON value; binary as {"$base64": "…"}' })),
        user: z.string().optional().meta({ description: 'Who sent it, when a client did' }),
        at: z.string().optional().meta({ description: 'When it was accepted, RFC 3339' }),
      }),
    ),
    more: z.boolean().meta({ description: 'Whether publications after the last one given are kept' }),
    recovered: z.boolean().optional().meta({
      description:
        'With `since` only: whether everything after it is kept. When it is not, `publications` is empty',
    }),
  })
  .meta({ id: 'HistoryAnswer' });

export const disconnectQuery = z.strictObject({
  reconnect: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
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
