/** How a bad configuration is told. [C2] */

/** One thing wrong with the configuration. */
export interface ConfigProblem {
  /** The name under which it was set: an environment variable or an in-process option. */
  readonly key: string;
  /** What was expected there. Never holds a part of the value. */
  readonly expected: string;
  /** The value, shortened and escaped; left out where it is or may be a secret. */
  readonly got?: string;
}

/** Everything that is wrong with the configuration, at once. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(['the configuration is not valid', ...problems.map(describeProblem)].join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }

  /** One line per problem, for the operator. */
  get lines(): readonly string[] {
    return this.problems.map(describeProblem);
  }
}

function describeProblem({ key, expected, got }: ConfigProblem): string {
  return `${key}: expected ${expected}${got === undefined ? '' : `, got ${got}`}`;
}

const MAX_SHOWN_CHARACTERS = 60;

/** Everything that could end a line, steer a terminal or reorder what is read. */
const UNPRINTABLE = /[^\x20-\x7e\u00a1-\u024f]/g;

/** The text shortened, with every character escaped that is not plainly visible on one line. */
export function printable(value: string): string {
  const shown = value.length > MAX_SHOWN_CHARACTERS ? `${value.slice(0, MAX_SHOWN_CHARACTERS)}…` : value;
  return shown.replace(UNPRINTABLE, (character) =>
    character === '…' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A value as it may be shown: text in quotes, numbers and booleans as they are, of others only the type. */
export function showValue(value: unknown): string {
  switch (typeof value) {
    // Whoever puts credentials into an address that is no secret must not find them in the log.
    case 'string':
      return `"${printable(value.replace(/\/\/[^/\s]*@/g, '//***@'))}"`;
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return value === null ? 'null' : Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
  }
}
