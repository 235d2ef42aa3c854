/** Event names as a list of patterns: a name, or the start of one followed by `*`. [D9] */

/** What a pattern of event names looks like. */
export const EVENT_PATTERN = /^(?=.{1,128}$)[^*]*\*?$/su;

/** A list of patterns, ready to be asked for every event. */
export class EventPatterns {
  private readonly names: ReadonlySet<string>;
  private readonly prefixes: readonly string[];

  constructor(readonly patterns: readonly string[]) {
    this.names = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
    this.prefixes = patterns.filter((each) => each.endsWith('*')).map((each) => each.slice(0, -1));
  }

  /** Whether some pattern covers the event. */
  allows(event: string): boolean {
    return this.names.has(event) || this.prefixes.some((prefix) => event.startsWith(prefix));
  }
}
