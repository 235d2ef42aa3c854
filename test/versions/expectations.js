/** What a case of two builds expects, and how it says what is otherwise. */
import { setTimeout as pause } from 'node:timers/promises';

export const WAIT_MS = 20_000;
const LOOK_EVERY_MS = 50;

/** A failure that is told with the case that it is in. */
export class Different extends Error {}

export const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** @param {string} what @param {unknown} is @param {unknown} should */
export function same(what, is, should) {
  if (!isSame(is, should)) {
    throw new Different(`${what} is ${JSON.stringify(is)} instead of ${JSON.stringify(should)}`);
  }
}

/** Resolves when it is so; what it was last is in the failure. */
export async function becomes(what, ask, should) {
  const over = performance.now() + WAIT_MS;
  for (;;) {
    const is = await ask();
    if (isSame(is, should)) return;
    if (performance.now() > over) same(what, is, should);
    await pause(LOOK_EVERY_MS);
  }
}

let number = 0;

/** A name that no case has had. */
export const fresh = (name) => `${name}-${++number}`;

export const membersOf = async (node, room) =>
  (await node.get(`/rooms/${room}/members`)).items.map(({ user }) => user).toSorted();
