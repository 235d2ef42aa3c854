/** The payloads of the events that clients send. [M] */
import { z } from 'zod';
import { eventName, roomName } from './names.js';

/** A place in a room's history. [H2] */
const position = z.object({ epoch: z.string().max(64), offset: z.int().min(0) });

const pageLimit = z.int().min(1).max(1000);

/**
 * A cursor on its way back. It holds the name of a room in base64, and the code of an embedding app may name rooms
 * beyond what clients can.
 */
export const cursor = z.string().max(2_048);

/** The client's own name for one of its publications. [M8] */
const emitId = z
  .string('expected 1 to 64 printable ASCII characters')
  .regex(/^[ -~]{1,64}$/, 'expected 1 to 64 printable ASCII characters');

/*
 * A request whose answer depends on its fields takes none that it does not know: a misspelled one would be ignored, and
 * its client would get something else than it asked for. [M6]
 */

export const roomJoinRequest = z.strictObject({
  room: roomName,
  token: z.string().optional(),
  since: position.optional(),
  meta: z.boolean().optional(),
  presence: z.boolean().optional(),
});

export const roomLeaveRequest = z.object({ room: roomName });

export const roomEmitRequest = z.strictObject({
  room: roomName,
  event: eventName,
  args: z.array(z.unknown()),
  /** Whether the sender gets it too; default false. */
  echo: z.boolean().optional(),
  /** May be dropped for members that are not ready, and is kept in no history. [M6] [D5] */
  volatile: z.boolean().optional(),
  /** Sent again with the same, it takes effect once. [M8] */
  id: emitId.optional(),
});

export const roomMembersRequest = z.strictObject({
  room: roomName,
  limit: pageLimit.optional(),
  cursor: cursor.optional(),
});

export const roomHistoryRequest = z.strictObject({
  room: roomName,
  since: position.optional(),
  limit: pageLimit.optional(),
});

export const authRefreshRequest = z.object({ token: z.string() });
