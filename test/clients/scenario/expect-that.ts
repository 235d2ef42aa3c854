/** What a check expects; its failure says what it got instead. */
export function expectThat(isSo: boolean, got: unknown): void {
  if (!isSo) throw new Error(`got ${JSON.stringify(got)}`);
}

export const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
