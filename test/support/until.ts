/** Far longer than anything takes, also on a machine with ten times more to do than it has processors. */
const DEADLINE_MS = 120_000;

/** Often enough that a test does not get slower, and so seldom that waiting costs the others nothing. */
const ASKED_EVERY_MS = 4;

/**
 * Asks again and again until it is so: for what nobody is told of.
 *
 * @param state what is waited for, for the error
 */
export async function until(state: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${state}`);
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY_MS));
  }
}
