import { z } from 'zod';
import {
  eventName,
  isEventName,
  isRoomName,
  looksLikeSocketId,
  roomName,
  socketId,
  userName,
} from '../protocol/names.js';
import { takePlain } from '../protocol/validation.js';
import { MAX_ACK_TIMEOUT_MS } from './ack-timeout.js';

/**
 * Publications as they come in over HTTP: the schemas that check a request are those that describe it.
 */

/** Names per list; a target of more is better served by a room. */
const MAX_NAMES = 10_000;

const selection = z.strictObject({
  rooms: z.array(roomName).max(MAX_NAMES).optional(),
  users: z.array(userName).max(MAX_NAMES).optional(),
  sockets: z.array(socketId).max(MAX_NAMES).optional(),
});

const everyone = z.strictObject({ all: z.literal(true) });

const target = z
  .union([
    everyone,
    selection.refine(({ rooms, users, sockets }) => Boolean(rooms ?? users ?? sockets), {
      message: 'expected {all: true} or at least one of rooms, users, sockets',
    }),
  ])
  .meta({ id: 'Target', description: 'Everyone, or any union of rooms, users and sockets' });

const anyJson = z.unknown().meta({ description: 'Any JSON value; binary as {"$base64": "…"}' });

export const emitRequest = z
  .strictObject({
    to: target,
    except: selection
      .optional()
      .meta({ description: 'Taken off the target: a socket that is in both does not get it' }),
    event: eventName,
    args: z.array(anyJson).optional(),
    data: anyJson.optional().meta({ description: 'Short for `args` with this one argument' }),
    volatile: z
      .boolean()
      .optional()
      .meta({ description: 'May be dropped for a socket that is not ready; default false' }),
    ack: z
      .strictObject({ timeoutMs: z.int().min(1).max(MAX_ACK_TIMEOUT_MS) })
      .optional()
      .meta({ description: 'Wait for the acknowledgement of every targeted socket' }),
  })
  .refine(({ args, data }) => args === undefined || data === undefined, {
    message: 'expected args or data, not both',
    path: ['data'],
  })
  .meta({ id: 'EmitRequest' });

takePlain(emitRequest, isPlainEmit);

/** Rooms or sockets by their names, an event, and data: what nearly all requests are. */
function isPlainEmit(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  for (const key in value) if (key !== 'to' && key !== 'event' && key !== 'data') return false;
  const { to, event } = value as { readonly to?: unknown; readonly event?: unknown };
  return isEventName(event) && isPlainTarget(to);
}

function isPlainTarget(to: unknown): boolean {
  if (typeof to !== 'object' || to === null) return false;
  let isAny = false;
  for (const key in to) {
    const isName = key === 'rooms' ? isRoomName : key === 'sockets' ? looksLikeSocketId : undefined;
    const names: unknown = (to as Record<string, unknown>)[key];
    if (!isName || !Array.isArray(names) || names.length > MAX_NAMES || !names.every(isName)) return false;
    isAny = true;
  }
  return isAny;
}

export const emitAnswer = z
  .object({
    id: z.string(),
    matched: z.int().min(0).meta({ description: 'How many sockets it was for' }),
  })
  .meta({ id: 'EmitAnswer' });

export const ackAnswer = z
  .object({
    id: z.string(),
    responses: z.array(z.object({ socketId: z.string(), user: z.string(), args: z.array(anyJson) })),
    missing: z.array(
      z.object({
        socketId: z.string(),
        user: z.string().nullable().meta({ description: '`null` when no such socket was connected' }),
      }),
    ),
  })
  .meta({ id: 'AckAnswer', description: 'Every targeted socket is in exactly one of the two lists' });

export type EmitRequest = z.output<typeof emitRequest>;
