/** Far longer than anything takes, also on a machine with ten times more to do than it has processors. */
const DEADLINE_MS = 120_000;

/** Often at first, so that a test does not get slower; what takes long costs others less when it is asked for less often. */
const FIRST_PAUSE_MS = 4;
const LONGEST_PAUSE_MS = 50;
const PAUSES_GROW_BY = 1.1;

/**
 * Asks again and again until it is so: for what nobody is told of.
 *
 * @param state what is waited for, for the error
 */
export async function until(state: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  let pauseMs = FIRST_PAUSE_MS;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${state}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    pauseMs = Math.min(pauseMs * PAUSES_GROW_BY, LONGEST_PAUSE_MS);
  }
}
