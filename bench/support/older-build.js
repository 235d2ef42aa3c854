/** An older build of the gateway as one more peer: built once, from the repository, in a folder of its own. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @typedef {object} OlderBuild
 * @property {string} commit short
 * @property {string} folder has its `dist/`, its `bench/` and the packages that its lock file names
 * @property {string} main what a node of it runs
 */

/**
 * Builds a commit, or finds what an earlier run has built.
 * @param {string} commit anything that names one
 * @returns {OlderBuild}
 */
export function buildOlder(commit) {
  const hash = git('rev-parse', '--verify', '--quiet', `${commit}^{commit}`);
  const short = git('rev-parse', '--short', hash);
  const folder = join(tmpdir(), `switchboard-bench-${hash}`);
  const build = { commit: short, folder, main: join(folder, 'dist/main.js') };
  if (existsSync(folder)) return build;

  // Built aside: a build that was broken off is not taken for one.
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished);
  try {
    const archive = execFileSync('git', ['archive', hash], { cwd: project, maxBuffer: 2 ** 30 });
    execFileSync('tar', ['-x', '-C', unfinished], { input: archive });
    const lockOf = (/** @type {string} */ path) => readFileSync(join(path, 'package-lock.json'), 'utf8');
    if (lockOf(unfinished) === lockOf(project)) {
      symlinkSync(join(project, 'node_modules'), join(unfinished, 'node_modules'));
    } else {
      npm(unfinished, 'ci', '--ignore-scripts', '--no-audit', '--no-fund');
    }
    npm(unfinished, 'run', 'build');
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return build;
}

/** @param {string[]} args */
const git = (...args) => execFileSync('git', args, { cwd: project, encoding: 'utf8' }).trim();

/** @param {string} folder @param {string[]} args */
const npm = (folder, ...args) =>
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
