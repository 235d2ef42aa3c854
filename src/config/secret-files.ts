/** Secrets that stand in files: `SWITCHBOARD_JWT_SECRET_FILE=/run/secrets/jwt` is what that file holds. [C2] */
import { readFileSync } from 'node:fs';
import type { ConfigProblem } from './config-error.js';
import { CONFIG_KEY_LIST } from './keys.js';

type Environment = Readonly<Record<string, string | undefined>>;

const FILE_SUFFIX = '_FILE';

/** Not a secret, and as long as one: a PEM has lines, which few ways to set a variable keep. */
const ALSO_IN_FILES: ReadonlySet<string> = new Set(['SWITCHBOARD_JWT_PUBLIC_KEY']);

/** The variables that may name a file, in the order of the keys. */
export const FILE_VARIABLES: readonly string[] = CONFIG_KEY_LIST.filter(
  ([, { env, secret }]) => secret || ALSO_IN_FILES.has(env),
).map(([, { env }]) => `${env}${FILE_SUFFIX}`);

/**
 * The environment with what the files hold in place of their names.
 *
 * The line break that an editor or `echo` leaves at the end of a file is no part of a secret. A problem names the variable
 * and why, never what a file holds.
 */
export function readSecretFiles(env: Environment): { env: Environment; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const read: Record<string, string | undefined> = { ...env };
  for (const variable of FILE_VARIABLES) {
    const path = env[variable];
    delete read[variable];
    if (path === undefined || path === '') continue;
    const key = variable.slice(0, -FILE_SUFFIX.length);
    if (env[key]) {
      problems.push({ key: variable, expected: `no value while ${key} is set` });
      continue;
    }
    try {
      const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
      if (text === '') problems.push({ key: variable, expected: 'a file that is not empty' });
      else read[key] = text;
    } catch (failure) {
      const { code = 'unknown' } = failure as NodeJS.ErrnoException;
      problems.push({ key: variable, expected: `the path of a file that can be read (${code})` });
    }
  }
  return { env: read, problems };
}
