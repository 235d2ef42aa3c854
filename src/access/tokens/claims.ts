/**
 * The claims of a token whose signature has been checked: their shape, and what they become. [A2]
 *
 * Nothing here may run on a payload that is not signed: the issues name paths, which is fine to show to whoever
 * holds a genuine token and would be an oracle for whoever does not.
 */
import { z } from 'zod';
import { SwitchboardError, type InputIssue } from '../../protocol/errors.js';
import { measureValue, MAX_DEPTH } from '../../protocol/json.js';
import { ROOM_NAME, USER_NAME } from '../../protocol/names.js';
import { EVENT_PATTERN } from '../../protocol/event-patterns.js';
import { ROOM_ACTIONS } from '../../protocol/capabilities.js';

/** How long the `info` claim may be, as UTF-8 JSON text. [R2] */
export const MAX_INFO_BYTES = 1024;

/** The last moment a `Date` can hold, in seconds: beyond it times are no longer exact. */
const MAX_SECONDS = 8_640_000_000_000;

const SECONDS = 'expected seconds since 1970';
const seconds = z.number(SECONDS).min(0, SECONDS).max(MAX_SECONDS, SECONDS).optional();

/** The user that a token is for. */
export const userSubject = z
  .string('expected a user name')
  .regex(USER_NAME, 'expected 1 to 128 characters without control characters');

const ACTIONS = `expected a list of ${ROOM_ACTIONS.join(', ')}`;
/** What a capability allows. */
export const roomActions = z.array(z.enum(ROOM_ACTIONS, ACTIONS), ACTIONS);

const EVENTS = 'expected a list of event names, each of which may end in *';
const events = z
  .array(z.string(EVENTS).regex(EVENT_PATTERN, 'expected an event name, or its start and *'), EVENTS)
  .max(100, EVENTS)
  .optional();

const CAPABILITY = 'expected {room, allow}';
const capability = z.object(
  { room: z.string('expected a room name or a pattern'), allow: roomActions, events },
  CAPABILITY,
);

const anyTokenShape = {
  sub: userSubject,
  exp: seconds,
  nbf: seconds,
  iat: seconds,
  jti: z
    .string('expected text')
    .min(1, 'expected 1 to 256 characters')
    .max(256, 'expected 1 to 256 characters')
    .optional(),
  /** Compared with the configured ones, whatever they are. */
  iss: z.unknown().optional(),
  aud: z.unknown().optional(),
};

/** What others see of a user. [R2] */
export const infoValue = z
  .unknown()
  .refine((value) => measureValue(value).depth <= MAX_DEPTH, {
    message: `expected at most ${MAX_DEPTH} levels of nesting`,
    abort: true, // JSON.stringify recurses, so it must not see what is nested too deeply
  })
  .refine(
    (value) => value === undefined || Buffer.byteLength(JSON.stringify(value)) <= MAX_INFO_BYTES,
    `expected at most ${MAX_INFO_BYTES} bytes of JSON`,
  )
  .optional();

/** The `caps` of a token, or of what a backend answers in its place. */
export const capabilityList = z.array(capability, 'expected a list of {room, allow}');

/** `sub` alone decides who a socket is, so a room token must not pass as a connect token: no `room` here. */
const connectClaims = z.object({
  ...anyTokenShape,
  room: z.undefined('a room token does not connect').optional(),
  caps: capabilityList.optional(),
  info: infoValue,
});

const roomClaims = z.object({
  ...anyTokenShape,
  room: z.string('expected a room token').regex(ROOM_NAME, 'expected a room name'),
  allow: roomActions,
  events,
});

/** The claims of a connect token; unknown claims are left out. */
export type ConnectClaims = z.infer<typeof connectClaims>;

/** The claims of a room token; unknown claims are left out. */
export type RoomClaims = z.infer<typeof roomClaims>;

function parse<Schema extends z.ZodType>(schema: Schema, payload: unknown): z.infer<Schema> {
  const result = schema.safeParse(payload);
  if (result.success) return result.data;
  const errors: InputIssue[] = result.error.issues.map(({ path, message }) => ({
    path: path.map(String).join('.'),
    message,
  }));
  // The true cause, for the log.
  const cause = new Error(errors.map(({ path, message }) => `${path}: ${message}`).join('; '));
  throw new SwitchboardError('auth.token_invalid', { errors, cause });
}

/** @throws SwitchboardError `auth.token_invalid` with the claims that are wrong */
export const parseConnectClaims = (payload: unknown): ConnectClaims => parse(connectClaims, payload);

/** @throws SwitchboardError `auth.token_invalid` with the claims that are wrong */
export const parseRoomClaims = (payload: unknown): RoomClaims => parse(roomClaims, payload);
