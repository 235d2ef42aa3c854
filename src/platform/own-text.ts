/**
 * A text that is cut off at a length, in memory of its own.
 *
 * V8 keeps the whole text for as long as a part of it is there: 128 characters that are kept of an event's name would hold
 * on to the 100 kB that came.
 */
export const ownText = (text: string, maxLength: number): string =>
  text.length <= maxLength ? text : Buffer.from(text.slice(0, maxLength)).toString();
