/** The inputs of commands, as every door but HTTP takes them: one object, numbers as numbers. */
import { z } from 'zod';
import { roomName, socketId, userName } from '../protocol/names.js';
import { MAX_PAGE_SIZE } from '../protocol/paging.js';
import type { Position } from '../protocol/publication.js';
import { cursor } from '../protocol/requests.js';

const reconnect = z.boolean().optional().meta({ description: 'Let the clients come back; default false' });

/** Puts one socket, or all sockets of a user, into a room, or takes them out. */
export const membershipCommand = z.union([
  z.strictObject({ room: roomName, socketId }),
  z.strictObject({ room: roomName, user: userName }),
]);

/** Ends one socket, or all sockets of a user. */
export const disconnectCommand = z.union([
  z.strictObject({ socketId, reconnect }),
  z.strictObject({ user: userName, reconnect }),
]);

const seconds = z.number().min(0).max(8_640_000_000_000);
const expiresAt = seconds
  .optional()
  .meta({ description: 'When the tokens expire by themselves, as `exp`; without it they stay revoked' });

/** Revokes one token, or all that a user was given before a time. [A6] */
export const revokeRequest = z
  .union([
    z.strictObject({ jti: z.string().min(1).max(256), expiresAt }),
    z.strictObject({
      user: userName,
      issuedBefore: seconds.meta({ description: 'Seconds since 1970, as `iat`' }),
      expiresAt,
    }),
  ])
  .meta({ id: 'RevokeRequest' });

const SINCE = /^([\w-]{1,64}):(\d{1,16})$/;

/** A position in a history, as `<epoch>:<offset>`. [H2] */
export const positionText = z
  .string()
  .refine((text) => Number.isSafeInteger(Number(SINCE.exec(text)?.[2])), {
    message: 'expected <epoch>:<offset>',
  })
  .transform((text): Position => {
    const [, epoch, offset] = SINCE.exec(text)!;
    return { epoch: epoch!, offset: Number(offset) };
  });

const limit = z.int().min(1).max(MAX_PAGE_SIZE).optional();
const page = { limit, cursor: cursor.optional() };

export const webhookName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'expected the name of an endpoint')
  .meta({ description: 'A name of `SWITCHBOARD_WEBHOOKS`' });

/** A time as text; with an offset, so that nobody has to guess whose time it is. */
export const sinceText = z.iso.datetime({
  offset: true,
  error: 'expected a time such as 2026-01-31T12:00:00Z',
});

export const webhookRequest = z.strictObject({ name: webhookName });
export const webhookAttemptsRequest = z.strictObject({
  name: webhookName,
  user: userName.optional(),
  room: roomName.optional(),
});
export const webhookReplayRequest = z.strictObject({ name: webhookName, since: sinceText });

export const nothing = z.strictObject({});
export const socketRequest = z.strictObject({ socketId });
export const userRequest = z.strictObject({ user: userName });
export const roomRequest = z.strictObject({ room: roomName });
export const pageRequest = z.strictObject(page);
export const socketsRequest = z.strictObject({
  ...page,
  user: userName.optional(),
  room: roomName.optional(),
});
export const roomsRequest = z.strictObject({ ...page, prefix: z.string().max(128).optional() });
export const membersRequest = z.strictObject({ ...page, room: roomName });
export const historyRequest = z.strictObject({ room: roomName, since: positionText.optional(), limit });
