/** Far longer than anything takes on a quiet machine, and less than a test may take. */
const DEADLINE_MS = 20_000;

/**
 * Asks again and again until it is so: for what nobody is told of.
 *
 * @param state what is waited for, for the error
 */
export async function until(state: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${state}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
