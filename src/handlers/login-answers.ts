/** The shapes of what backends answer when they are asked about a client. [B6] */
import { z } from 'zod';
import type { RemoteIdentity, RoomPermission } from '../access/remote-login.js';
import { capabilityList, infoValue, roomActions, userSubject } from '../access/tokens/claims.js';
import { patternProblem, type Capability } from '../protocol/capabilities.js';
import { isUserRoom, roomName } from '../protocol/names.js';

/** Reads an answer; what is wrong with it is for the log, and never holds a value of it. */
export interface AnswerShape<Answer> {
  safeParse(body: unknown): z.ZodSafeParseResult<Answer>;
}

const time = z.iso.datetime({ offset: true, error: 'expected a time in RFC 3339' });

const caps = capabilityList.refine(
  (list) => list.every(({ room }) => patternProblem(room) === undefined),
  'expected room names or patterns',
);

/** What `@connect` answers. */
export const connectAnswer = (maxRooms: number): AnswerShape<RemoteIdentity> =>
  z.object({
    user: userSubject,
    info: infoValue,
    caps: caps.optional(),
    rooms: z
      .array(roomName.refine((room) => !isUserRoom(room), 'expected no room of a user'))
      .max(maxRooms, `expected at most ${maxRooms} rooms`)
      .optional(),
    expiresAt: time.optional(),
  }) as unknown as AnswerShape<RemoteIdentity>;

/** What `@refresh` answers; the user stays. */
export const refreshAnswer: AnswerShape<{
  readonly user?: string;
  readonly caps?: readonly Capability[];
  readonly expiresAt?: string;
}> = z.object({
  user: userSubject.optional(),
  caps: caps.optional(),
  expiresAt: time.optional(),
}) as unknown as AnswerShape<{
  readonly user?: string;
  readonly caps?: readonly Capability[];
  readonly expiresAt?: string;
}>;

/** What `@join` answers. */
export const joinAnswer: AnswerShape<RoomPermission> = z.object({
  allow: roomActions,
  info: infoValue,
}) as unknown as AnswerShape<RoomPermission>;
