/** Finds the known name that a misspelt one was probably meant to be. */

/** Edits (insert, drop, replace, swap neighbours) that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = last[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      let edits = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        edits = Math.min(edits, beforeLast[j - 2]! + 1);
      }
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[to.length]!;
}

/** Names longer than this are nobody's typing error, and comparing them costs more than it tells. */
const MAX_NAME_LENGTH = 100;

/**
 * The candidate closest to a name, or nothing when none is close enough to be meant.
 *
 * @param normalize what of a name is compared, for example without a prefix that all of them share
 */
export function closestName(
  name: string,
  candidates: readonly string[],
  normalize: (name: string) => string = (text) => text,
): string | undefined {
  if (name.length > MAX_NAME_LENGTH) return undefined;
  const wanted = normalize(name).toLowerCase();
  let closest: string | undefined;
  let fewestEdits = Math.max(1, Math.floor(wanted.length / 4)) + 1;
  for (const candidate of candidates) {
    const edits = editDistance(wanted, normalize(candidate).toLowerCase());
    if (edits < fewestEdits) {
      fewestEdits = edits;
      closest = candidate;
    }
  }
  return closest;
}
