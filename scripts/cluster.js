/**
 * Two nodes on one Redis, to try things with: `npm run cluster`, or `npm run cluster -- 4001 4002` for other ports.
 *
 * Takes the Redis of SWITCHBOARD_REDIS_URL; without it, starts one of its own that keeps nothing. Ctrl-C ends all.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const [, , ...GIVEN_PORTS] = process.argv;
const PORTS = GIVEN_PORTS.length > 0 ? GIVEN_PORTS : ['3001', '3002'];
const MISSING =
  'redis-server is missing: install Redis 7.0 or newer (apt-get install redis-server, brew install redis), ' +
  'or set SWITCHBOARD_REDIS_URL to one that runs';

const READY_WITHIN_MS = 5_000;

const say = (line) => process.stdout.write(`${line}\n`);
const children = [];
let isEnding = false;

// Whoever read it has gone, as in `npm run cluster | head`.
process.stdout.on('error', () => !isEnding && void end('SIGTERM', 1));
// They have groups of their own: whatever ends this process, none of them stays behind.
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));

/** In a group of its own: a terminal sends Ctrl-C to the whole group, and two signals would cut the drain short. */
function run(name, file, args, env = process.env) {
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  children.push(child);
  child.lines = createInterface({ input: child.stdout });
  createInterface({ input: child.stderr }).on('line', (line) => say(`${name}  ${line}`));
  child.ended = once(child, 'exit').then(([code]) => {
    if (isEnding) return;
    process.stderr.write(`${name} ended with ${code}\n`);
    void end('SIGTERM', 1);
  });
  return child;
}

/** Resolves with the first line that holds this text. A child that ends before ends everything. */
const line = ({ lines }, text) =>
  new Promise((resolve) => lines.on('line', (found) => found.includes(text) && resolve(found)));

/** The nodes first: they take themselves out of the Redis. */
async function end(signal, code) {
  if (isEnding) process.exit(1);
  isEnding = true;
  const [redis, nodes] = redisUrl === undefined ? [children.slice(0, 1), children.slice(1)] : [[], children];
  for (const group of [nodes, redis]) {
    for (const child of group) child.kill(signal);
    await Promise.all(group.map(({ ended }) => ended));
  }
  process.exit(code);
}

async function startRedis() {
  if (spawnSync('redis-server', ['--version']).status !== 0) {
    process.stderr.write(`${MISSING}\n`);
    process.exit(1);
  }
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  await line(run('redis', 'redis-server', args), 'Ready to accept connections');
  return `redis://127.0.0.1:${port}`;
}

/** The reason why a node is not ready, or nothing once it is. */
async function notReady(nodeUrl) {
  const until = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const response = await fetch(`${nodeUrl}/health/ready`).catch(() => undefined);
    if (response?.ok || isEnding) return undefined;
    if (Date.now() > until) return (await response?.json())?.error?.engine?.reason ?? 'it does not answer';
    await pause(100);
  }
}

const redisUrl = process.env.SWITCHBOARD_REDIS_URL || undefined;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end(signal, 0));

const url = redisUrl ?? (await startRedis());
const nodes = PORTS.map((port) => {
  const name = `node ${port}`;
  const node = run(name, process.execPath, [MAIN], {
    ...process.env,
    PORT: port,
    SWITCHBOARD_REDIS_URL: url,
  });
  node.lines.on('line', (text) => say(`${name}  ${text}`));
  return node;
});
const lines = await Promise.all(nodes.map((node) => line(node, 'listening on')));
const urls = lines.map((text) => /http:\/\/[\w.:[\]]+/.exec(text)[0]);
const reasons = (await Promise.all(urls.map(notReady))).filter((reason) => reason !== undefined);
if (reasons.length > 0) {
  process.stderr.write(`the nodes cannot use the Redis of SWITCHBOARD_REDIS_URL: ${reasons[0]}\n`);
  await end('SIGTERM', 1);
} else if (!isEnding) {
  say(`
Two nodes are one gateway now: open ${urls.join(' and ')}, or

  const socket = io('${urls[0]}', { auth: { user: '42' } });

  curl ${urls[1]}/v1/users/42
  curl ${urls[1]}/v1/emit -H 'content-type: application/json' \\
    -d '{"to": {"users": ["42"]}, "event": "hello", "data": 1}'
  curl ${urls[1]}/v1/nodes

Ctrl-C ends them.
`);
}
