/**
 * A reader of an entry of the inbox has failed.
 *
 * It says which kind of entry, which kind of failure and where, and nothing of what the failure says: a part of what was
 * published may stand in that.
 */
export class EntryFailure extends Error {
  override readonly name = 'EntryFailure';

  constructor(kind: string, failure: unknown) {
    super(`an entry of kind ${JSON.stringify(kind)} failed with ${nameOf(failure)}`);
    this.stack = `${this.name}: ${this.message}${framesOf(failure)}`;
  }
}

const nameOf = (failure: unknown): string => (failure instanceof Error ? failure.name : typeof failure);

/** Where it was thrown: what stands below the message. */
function framesOf(failure: unknown): string {
  if (!(failure instanceof Error) || failure.stack === undefined) return '';
  const { message, stack } = failure;
  const at = stack.indexOf(message);
  // A stack that does not hold the message as it is now may hold an earlier one.
  if (at === -1) return '';
  return stack.slice(at + message.length);
}
