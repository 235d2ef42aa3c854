import type { z } from 'zod';
import { SwitchboardError, type InputIssue } from './errors.js';
import { ROOM_NAME } from './names.js';

/** Issues listed in an answer; the rest of a long list helps nobody. */
const MAX_ISSUES = 10;
/** Characters of an unknown key that are repeated. */
const MAX_KEY_LENGTH = 64;

/**
 * Checks what came from outside.
 * @throws SwitchboardError `room.invalid` when a room name is all that is wrong, else `payload.invalid`
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw inputError(result.error.issues);
}

/** The error for a failed check. Paths and expectations go back, never the value. */
export function inputError(issues: readonly z.core.$ZodIssue[]): SwitchboardError {
  const isAboutRooms = issues.length > 0 && issues.every(isRoomNameIssue);
  return new SwitchboardError(isAboutRooms ? 'room.invalid' : 'payload.invalid', {
    errors: issues.flatMap(toInputIssues).slice(0, MAX_ISSUES),
  });
}

const isRoomNameIssue = (issue: z.core.$ZodIssue): boolean =>
  issue.code === 'invalid_format' && 'pattern' in issue && issue.pattern === String(ROOM_NAME);

function toInputIssues(issue: z.core.$ZodIssue): InputIssue[] {
  const at = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [{ path: at.join('.'), message: issue.message }];
  // Zod names all of them in one message, however many and long they are.
  return issue.keys.slice(0, MAX_ISSUES).map((key) => ({
    path: [...at, key.slice(0, MAX_KEY_LENGTH)].join('.'),
    message: 'is not a known key',
  }));
}
