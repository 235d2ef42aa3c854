/**
 * Which worker holds a session: the last character of its ID says.
 *
 * So the primary keeps no table of sessions that could be behind or leak, and a session of a worker that was replaced
 * is refused by the one in its place, which makes the client connect anew.
 */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** As many as there are characters; `SWITCHBOARD_WORKERS` allows no more. */
export const MAX_SLOTS = ALPHABET.length;

/** A session ID that leads back to the worker in this slot. */
export const markSession = (id: string, slot: number): string => `${id}${ALPHABET[slot]}`;

const SESSION = /^[A-Z]+ \S*[?&]sid=([\w-]{21})(?:[&\s]|$)/;

/** The slot that a request line names, if it is one of a session. */
export function workerSlotOf(requestLine: string): number | undefined {
  const id = SESSION.exec(requestLine)?.[1];
  return id === undefined ? undefined : ALPHABET.indexOf(id.at(-1)!);
}

/** Whether a request line without a session opens one. */
export const opensSession = (requestLine: string): boolean => /[?&]transport=/.test(requestLine);
