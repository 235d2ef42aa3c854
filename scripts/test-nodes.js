/**
 * Runs the tests on other releases of Node.js, one after the other: `npm run test:nodes`, or `npm run test:nodes -- --fast`
 * for the specs only. What comes behind it goes to Jest, such as the name of a suite.
 */
import { spawnSync } from 'node:child_process';

const RELEASES = ['22', '24'];
const JEST = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];

const given = process.argv.slice(2);
const settings = given.includes('--fast') ? ['-c', 'jest.fast.config.js'] : [];
const forJest = given.filter((argument) => argument !== '--fast');

let failed = 0;
for (const release of RELEASES) {
  process.stdout.write(`\nNode.js ${release}\n`);
  const command = ['-y', '-p', `node@${release}`, '--', 'node', ...JEST, ...settings, ...forJest];
  // npm keeps scripts of packages from running here, and the package `node` needs its own to be there.
  const env = { ...process.env, npm_config_ignore_scripts: 'false' };
  const { status } = spawnSync('npx', command, { stdio: 'inherit', env });
  if (status !== 0) failed++;
}
process.exitCode = failed === 0 ? 0 : 1;
