import type { z } from 'zod';
import { closestName } from './closest-name.js';
import { SwitchboardError, type InputIssue } from './errors.js';
import { ROOM_NAME } from './names.js';

/** Issues listed in an answer; the rest of a long list helps nobody. */
const MAX_ISSUES = 10;
/** Characters of an unknown key that are repeated. */
const MAX_KEY_LENGTH = 64;

const plainInputs = new WeakMap<z.ZodType, (value: unknown) => boolean>();

/**
 * Has inputs that are surely valid, and that the schema gives back as they are, taken without asking it: for what comes as
 * often as publications do. Everything else is the schema's business.
 */
export function takePlain(schema: z.ZodType, isPlain: (value: unknown) => boolean): void {
  plainInputs.set(schema, isPlain);
}

/**
 * Checks what came from outside.
 * @throws SwitchboardError `room.invalid` when a room name is all that is wrong, else `payload.invalid`
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  if (plainInputs.get(schema)?.(value)) return value as z.output<Schema>;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw inputError(result.error.issues, schema);
}

/**
 * The error for a failed check. Paths and expectations go back, never the value.
 * @param schema what was checked, to name the known key that an unknown one was probably meant to be
 */
export function inputError(failed: readonly Issue[], schema?: z.ZodType): SwitchboardError {
  const issues = failed.flatMap((issue) => withoutUnions(issue));
  const isAboutRooms = issues.length > 0 && issues.every(isRoomNameIssue);
  return new SwitchboardError(isAboutRooms ? 'room.invalid' : 'payload.invalid', {
    errors: issues.flatMap((issue) => toInputIssues(issue, schema)).slice(0, MAX_ISSUES),
  });
}

type Issue = z.core.$ZodIssue;

const isRoomNameIssue = (issue: Issue): boolean =>
  issue.code === 'invalid_format' && 'pattern' in issue && issue.pattern === String(ROOM_NAME);

/**
 * What is wrong in the one shape that was meant. Zod only says that an input has none of the shapes it may have.
 *
 * Meant is the shape that knows the keys that were given. Where several do, what they agree on is told.
 */
function withoutUnions(issue: Issue, parents: readonly PropertyKey[] = []): Issue[] {
  const path = [...parents, ...issue.path];
  if (issue.code !== 'invalid_union') return [{ ...issue, path }];
  const unknownKeys = issue.errors.map(countUnknownKeys);
  const fewest = Math.min(...unknownKeys);
  const [first = [], ...others] = issue.errors
    .filter((_, index) => unknownKeys[index] === fewest)
    .map((shape) => shape.flatMap((each) => withoutUnions(each, path)));
  const agreed = first.filter((each) => others.every((shape) => shape.some((other) => isSame(each, other))));
  return agreed.length > 0
    ? agreed
    : [{ code: 'custom', path, message: 'expected exactly one of the shapes it may have' }];
}

/** At the top of a shape: those further down are known by another shape as little. */
const countUnknownKeys = (shape: readonly Issue[]): number =>
  shape.reduce(
    (sum, issue) =>
      issue.code === 'unrecognized_keys' && issue.path.length === 0 ? sum + issue.keys.length : sum,
    0,
  );

const isSame = (one: Issue, other: Issue): boolean =>
  one.message === other.message && one.path.join('.') === other.path.join('.');

function toInputIssues(issue: Issue, schema?: z.ZodType): InputIssue[] {
  const at = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [{ path: at.join('.'), message: issue.message }];
  return unknownKeyIssues(issue.keys, at.length === 0 ? keysOf(schema) : [], at);
}

/** The keys of an object as a whole; those of an object within another are not looked up. */
const keysOf = (schema: z.ZodType | undefined): readonly string[] =>
  schema && 'shape' in schema ? Object.keys(schema.shape as object) : [];

/** Zod names all of them in one message, however many and long they are. */
const unknownKeyIssues = (
  keys: readonly string[],
  known: readonly string[],
  at: readonly string[] = [],
): InputIssue[] =>
  keys.slice(0, MAX_ISSUES).map((key) => {
    const meant = closestName(key, known);
    return {
      path: [...at, key.slice(0, MAX_KEY_LENGTH)].join('.'),
      message: meant === undefined ? 'is not a known key' : `is not a known key; did you mean ${meant}?`,
    };
  });

/** The error for keys where only others are known. [E4] */
export const unknownKeys = (keys: readonly string[], known: readonly string[]): SwitchboardError =>
  new SwitchboardError('payload.invalid', { errors: unknownKeyIssues(keys, known) });

/** The same error for who wraps an input in another: its paths begin with where the input stands there. */
export function inputErrorAt(place: string, error: SwitchboardError): SwitchboardError {
  const errors = error.errors?.map(({ path, message }) => ({
    path: path === '' ? place : `${place}.${path}`,
    message,
  }));
  return errors ? new SwitchboardError(error.code, { ...error.toObject(), errors, cause: error }) : error;
}
