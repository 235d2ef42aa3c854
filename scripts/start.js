/**
 * `npm start`: builds what is not built yet, starts the gateway in this process, and says what it does meanwhile.
 *
 * Arguments and environment are those of `node dist/main.js`. A port that is in use is told before anything is built. The
 * build writes over `dist/` and empties nothing: a gateway that runs from it goes on.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

/** @param {string} path from the project's root */
const inProject = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const MAIN = inProject('dist/main.js');
const NEST = inProject('node_modules/@nestjs/cli/bin/nest.js');
/** What `npm run build` runs, without npm. */
const STEPS = [[NEST, 'build'], [inProject('scripts/bundle.js')]];
const DEFAULTS = { host: '127.0.0.1', port: 3000 };

/** @param {string} text */
const say = (text) => process.stdout.write(`${text}\n`);

const { PORT, HOST } = process.env;
const host = HOST || DEFAULTS.host;
const port = PORT ? Number(PORT) : DEFAULTS.port;
// A word about the configuration needs neither the port nor a gateway.
const isStart = process.argv.length === 2;

if (isStart && Number.isInteger(port) && port > 0 && !(await isFree())) {
  process.stderr.write(`PORT: ${port} on ${host} is in use; stop what listens there or set another PORT\n`);
  process.exit(1);
}
/** What is built is made of these; npm writes the last of them when it changes a package. */
const PARTS = ['src', 'swc.json', 'nest-cli.json', 'scripts/bundle.js', 'node_modules/.package-lock.json'];
if (newest(...PARTS) > builtAt()) await build();
if (isStart) say(`starting; when it listens, open http://${urlHost()}:${port} in a browser. Ctrl-C ends it.`);
await import('../dist/main.js');

/** Other failures are for the gateway to explain: it knows its configuration. */
async function isFree() {
  const server = createServer();
  const listening = once(server.listen(port, host), 'listening');
  try {
    await listening;
    await once(server.close(), 'close');
    return true;
  } catch (failure) {
    return /** @type {NodeJS.ErrnoException} */ (failure).code !== 'EADDRINUSE';
  }
}

async function build() {
  if (!existsSync(NEST)) {
    if (existsSync(MAIN)) return;
    process.stderr.write('nothing is built, and what builds it is not installed: run npm ci\n');
    process.exit(1);
  }
  say('building …');
  const startedAt = performance.now();
  for (const step of STEPS) await run(step);
  say(`built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

/**
 * Ends this process when the step fails.
 * @param {string[]} step a script of Node and its arguments
 */
async function run(step) {
  const child = spawn(process.execPath, step, { cwd: inProject('.'), stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  // A terminal tells both; whoever sends it to this process alone means both.
  const end = () => {
    child.kill('SIGTERM');
    process.exit(0);
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  const [code] = await once(child, 'close');
  process.off('SIGINT', end).off('SIGTERM', end);
  if (code !== 0) {
    process.stderr.write(`${output}\nthe build failed\n`);
    process.exit(1);
  }
}

function builtAt() {
  return existsSync(MAIN) ? statSync(MAIN).mtimeMs : 0;
}

/** When the youngest of these was changed; a folder's own time tells of files that were taken away. */
function newest(...paths) {
  let newestMs = 0;
  for (const path of paths) {
    if (!existsSync(inProject(path))) continue;
    const stats = statSync(inProject(path));
    newestMs = Math.max(newestMs, stats.mtimeMs);
    if (!stats.isDirectory()) continue;
    for (const name of readdirSync(inProject(path))) {
      if (!name.endsWith('.spec.ts')) newestMs = Math.max(newestMs, newest(`${path}/${name}`));
    }
  }
  return newestMs;
}

function urlHost() {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
