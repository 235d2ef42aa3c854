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

export const roomJoinRequest = z.object({
  room: roomName,
  token: z.string().optional(),
  since: position.optional(),
  meta: z.boolean().optional(),
  presence: z.boolean().optional(),
});

export const roomLeaveRequest = z.object({ room: roomName });

export const roomEmitRequest = z.object({
  room: roomName,
  event: eventName,
  args: z.array(z.unknown()),
  /** Whether the sender gets it too; default false. */
  echo: z.boolean().optional(),
});

export const roomMembersRequest = z.object({
  room: roomName,
  limit: pageLimit.optional(),
  cursor: cursor.optional(),
});

export const roomHistoryRequest = z.object({
  room: roomName,
  since: position.optional(),
  limit: pageLimit.optional(),
});

export const authRefreshRequest = z.object({ token: z.string() });
