/** Names that travel: rooms, users and events, with what they may look like. */
import { z } from 'zod';

/** Room names. [M2] */
export const ROOM_NAME = /^[A-Za-z0-9_\-.:@/=+#]{1,128}$/;

/**
 * A user name: what a token's `sub` may be. No control characters, so that it is safe in logs and URLs, and no half
 * characters, which encoders make one and the same.
 */
// oxlint-disable-next-line no-control-regex
export const USER_NAME = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]{1,128}$/u;

/** The room that every socket of a user is in starts with this. [M3] */
export const USER_ROOM_PREFIX = 'user:';

/** The room of a user's sockets. */
export const userRoom = (user: string): string => USER_ROOM_PREFIX + user;

export const isUserRoom = (room: string): boolean => room.startsWith(USER_ROOM_PREFIX);

/** A room of the gateway's own; no client and no backend can name it. */
const INTERNAL_ROOM_PREFIX = '\u0000';

const PRESENCE_ROOM_PREFIX = `${INTERNAL_ROOM_PREFIX}presence:`;

/** The room of those that watch who comes into a room and leaves it. [M4] */
export const presenceRoom = (room: string): string => PRESENCE_ROOM_PREFIX + room;

/** The room that is watched, or `undefined` for any other room. */
export const watchedRoom = (room: string): string | undefined =>
  room.startsWith(PRESENCE_ROOM_PREFIX) ? room.slice(PRESENCE_ROOM_PREFIX.length) : undefined;

export const isInternalRoom = (room: string): boolean => room.startsWith(INTERNAL_ROOM_PREFIX);

/** Another of the gateway's own. */
export const internalRoom = (name: string): string => INTERNAL_ROOM_PREFIX + name;

/**
 * The name of a room that an app has made and nobody else can name: a number, or `user:7`, which means a user to
 * everybody else. It is a room like all others, on all nodes, and stands in no list and keeps no history.
 */
const UNLISTED_ROOM_PREFIX = '\u0001';

export const unlistedRoom = (name: string): string => UNLISTED_ROOM_PREFIX + name;

export const isUnlistedRoom = (room: string): boolean => room.startsWith(UNLISTED_ROOM_PREFIX);

/** Whether a room has this name for everybody: for the app that joins it, for clients, for backends. */
export const isListedRoom = (room: string): boolean => room.charCodeAt(0) > 1 && !isUserRoom(room);

export const isRoomName = (room: unknown): room is string => typeof room === 'string' && ROOM_NAME.test(room);

/** What Socket.IO names sockets; those of 2.x clients on other namespaces have that before it. */
const SOCKET_ID = /^(?:\/[^#]*#)?[\w-]{20}$/;

/** Whether it may be the ID of a socket, here or on another node; a room may be named like that as well. */
export const looksLikeSocketId = (name: unknown): name is string =>
  typeof name === 'string' && SOCKET_ID.test(name);

export const roomName = z
  .string()
  .regex(ROOM_NAME, 'expected 1 to 128 characters out of letters, digits and _ - . : @ / = + #')
  .meta({ description: 'Room name' });

export const userName = z
  .string()
  .regex(USER_NAME, 'expected 1 to 128 characters without control characters')
  .meta({ description: 'User: the `sub` of its token' });

export const socketId = z
  .string()
  .min(1, 'expected a socket ID')
  .max(256, 'expected a socket ID')
  .regex(/^[^\ud800-\udfff]*$/u, 'expected a socket ID')
  .meta({ description: 'Socket ID' });

const MAX_EVENT_NAME_LENGTH = 128;

export const eventName = z
  .string()
  .min(1, 'expected 1 to 128 characters')
  .max(MAX_EVENT_NAME_LENGTH, 'expected 1 to 128 characters')
  .meta({ description: 'Event name; reserved names are refused with event.reserved' });

export const isEventName = (event: unknown): event is string =>
  typeof event === 'string' && event.length > 0 && event.length <= MAX_EVENT_NAME_LENGTH;

/** What Socket.IO reserves on either side, in any of the three client generations, and `exception`. [D2] */
const RESERVED_EVENTS: ReadonlySet<string> = new Set([
  'connect',
  'connect_error',
  'connect_timeout',
  'connecting',
  'disconnect',
  'disconnecting',
  'error',
  'exception',
  'newListener',
  'removeListener',
  'ping',
  'pong',
  'reconnect',
  'reconnect_attempt',
  'reconnecting',
  'reconnect_error',
  'reconnect_failed',
]);

const RESERVED_PREFIXES = ['room:', 'auth:', 'server:', 'socket:'] as const;

/** Whether nobody but the gateway itself may publish under this name. [D2] */
export const isReservedEvent = (event: string): boolean =>
  RESERVED_EVENTS.has(event) || RESERVED_PREFIXES.some((prefix) => event.startsWith(prefix));
