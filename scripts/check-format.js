/**
 * Says which files are not formatted as Prettier formats them.
 *
 * Prettier takes half a minute of CPU for all files. oxfmt does the same, but for unions of types that fit in a line, in a
 * fiftieth of that: a file that it would leave as it is passes, and Prettier is asked about the others.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));

/** @param {string} tool a package with one command @param {string[]} args */
function run(tool, args, stdout = 'inherit') {
  const packageFile = require.resolve(`${tool}/package.json`);
  const { bin } = require(packageFile);
  const file = join(dirname(packageFile), typeof bin === 'string' ? bin : bin[tool]);
  return spawnSync(process.execPath, [file, ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', stdout, 'inherit'],
  });
}

const OTHERWISE = 1;
const { status, stdout } = run('oxfmt', ['-c', 'scripts/oxfmt.config.js', '--list-different'], 'pipe');
if (status !== 0 && status !== OTHERWISE) process.exit(status ?? 2);
const files = stdout.split('\n').filter(Boolean);
process.exit(files.length === 0 ? 0 : (run('prettier', ['--check', ...files]).status ?? 2));
