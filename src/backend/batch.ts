/** The order in which the commands of a batch are carried out. */

/**
 * Carries out commands in order and resolves with their results; one that fails has its failure as its result.
 *
 * Publications that follow one another are accepted one after the other and proven together: with other nodes, each
 * would otherwise wait for the answer of shared state. Everything else waits for what is before it.
 *
 * @param carryOut never rejects
 */
export async function inOrder(
  commands: readonly unknown[],
  carryOut: (command: unknown) => Promise<object>,
): Promise<object[]> {
  const results: Promise<object>[] = [];
  let settled = 0;
  for (const each of commands) {
    const isPlain = isPlainEmit(each);
    if (!isPlain) {
      await Promise.all(results.slice(settled));
      settled = results.length;
    }
    const result = carryOut(each);
    results.push(result);
    if (!isPlain) await result;
  }
  return Promise.all(results);
}

/** A publication that nobody is asked to answer. */
const isPlainEmit = (each: unknown): boolean =>
  typeof each === 'object' &&
  each !== null &&
  'emit' in each &&
  !(typeof each.emit === 'object' && each.emit !== null && 'ack' in each.emit);
