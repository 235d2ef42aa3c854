/**
 * A node with very many users dies, and a webhook is told of each. [W4] [W5] [W8]
 *
 *     npm run chaos:many-offline -- --users 10000
 *     npm run chaos:many-offline -- --users 100000 --held
 *
 * With `--held` the users are in the registry of a node that has no sockets for them, so that a small machine can hold them;
 * `--without` has nobody told, which shows what the same death costs by itself. Another node lives on: what its memory grows by
 * is bounded, and how long it takes to deliver to its clients meanwhile is shown beside how long it took before, with the
 * longest turn of its event loop and all that it and Redis did, in processor time, which another load of the machine changes
 * little. Exits with 1 when an event is missing, or comes in the wrong order, or the memory grows too far.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { io } from 'socket.io-client';
import { Child } from '../../bench/support/child.js';
import { API_KEY, API_KEY_ENTRY, JWT_SECRET, signToken } from '../../bench/support/credentials.js';
import { startGatewayProcess } from '../support/gateway-process.js';
import { ProcessorTime } from './processor-time.js';
import { RedisProcess } from './redis-process.js';

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '10000' },
    held: { type: 'boolean', default: false },
    batch: { type: 'boolean', default: false },
    without: { type: 'boolean', default: false },
    'max-growth-mib': { type: 'string', default: '192' },
  },
});
const count = Number(values.users);
const LEASE_MS = 7_000;
const WINDOW_MS = 5_000;
const PATIENCE_MS = 600_000;
/** About as long as 100,000 users take where they are told, so that both times are as busy. */
const WITHOUT_MS = 20_000;
const EVERY_MS = 20;
const MIB = 1_048_576;

const say = (line) => process.stdout.write(`${line}\n`);
const partOf = (name) => fileURLToPath(new URL(name, import.meta.url));

const receiver = fork(partOf('many-offline-receiver.js'));
process.once('exit', () => receiver.kill('SIGKILL'));
let told = { online: 0, offline: 0, wrong: 0, requests: 0 };
receiver.on('message', (message) => (told = message.told ?? told));
const [{ port: receiverPort }] = await once(receiver, 'message');

const redis = await RedisProcess.start();
const env = {
  SWITCHBOARD_REDIS_URL: redis.url,
  SWITCHBOARD_NODE_LEASE_MS: String(LEASE_MS),
  SWITCHBOARD_RECOVERY_WINDOW_MS: String(WINDOW_MS),
  SWITCHBOARD_JWT_SECRET: JWT_SECRET,
  SWITCHBOARD_API_KEYS: API_KEY_ENTRY,
  SWITCHBOARD_EVENTS_PER_SECOND: '100000',
  SWITCHBOARD_EVENTS_BURST: '100000',
  ...(!values.without && {
    SWITCHBOARD_WEBHOOKS: `many=http://127.0.0.1:${receiverPort}/`,
    SWITCHBOARD_WEBHOOK_SECRETS: `many:whsec_${Buffer.alloc(24, 1).toString('base64')}`,
    ...(values.batch && { SWITCHBOARD_WEBHOOK_BATCH: 'many' }),
  }),
};
const folder = mkdtempSync(join(tmpdir(), 'switchboard-many-offline-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const turnsFile = join(folder, 'turns');
const stays = await startGatewayProcess({
  env: { ...env, LONG_TURNS_FILE: turnsFile },
  nodeOptions: ['--import', new URL('long-turns.js', import.meta.url).href],
});
process.once('exit', () => stays.child.kill('SIGKILL'));

/** The node that is going to die, with all of its users. */
async function startDying() {
  if (values.held) {
    const child = fork(partOf('many-offline-node.js'), [
      redis.url,
      String(count),
      String(LEASE_MS),
      String(WINDOW_MS),
    ]);
    await once(child, 'message');
    return child;
  }
  const gateway = await startGatewayProcess({ env });
  const load = new Child(fileURLToPath(new URL('../../bench/load.js', import.meta.url)), '/dev/null');
  process.once('exit', () => load.end());
  const clients = { port: gateway.port, protocol: 'socket.io', secured: true, count, users: count };
  await load.call('open', clients, PATIENCE_MS);
  return gateway.child;
}

async function untilTold(name, isSo) {
  const until = Date.now() + PATIENCE_MS;
  const started = performance.now();
  while (!isSo()) {
    if (Date.now() > until) break;
    await pause(50);
  }
  const seconds = (performance.now() - started) / 1000;
  say(`${name}: ${JSON.stringify(told)} after ${seconds.toFixed(1)} s`);
  return seconds;
}

const emit = (at) =>
  fetch(`${stays.url}/v1/emit`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ to: { users: ['watcher'] }, event: 'beat', args: [at] }),
  });
const watcher = io(stays.url, { auth: { token: signToken('watcher') }, transports: ['websocket'] });
await once(watcher, 'connect');
let times = [];
watcher.on('beat', (at) => times.push(performance.now() - at));
const beat = setInterval(() => void emit(performance.now()).catch(() => undefined), EVERY_MS);
const quantile = (of) =>
  times.toSorted((one, other) => one - other)[Math.floor(times.length * of)]?.toFixed(1);
const work = new ProcessorTime(() => ({ node: [stays.child.pid], redis: [redis.child.pid] }));
/** Of the times above, and of the turns of the node that lives on: since when, and what was done until then. */
let since = Date.now();
let done = {};
const begin = () => {
  times = [];
  since = Date.now();
  work.look();
  done = work.totals;
};
const spans = [];
const sayTimes = (name) => {
  say(`delivery to a client ${name}: 50 % ${quantile(0.5)} ms, 99 % ${quantile(0.99)} ms of ${times.length}`);
  spans.push({ name, from: since, to: Date.now() });
  work.look();
  const seconds = (kind) => (work.totals[kind] - done[kind]).toFixed(1);
  say(`processor time ${name}: the node ${seconds('node')} s, Redis ${seconds('redis')} s`);
  begin();
};

const dying = await startDying();
if (!values.without) await untilTold('online', () => told.online > count);
await pause(10_000);
begin();
await pause(15_000);
sayTimes('before');

const before = stays.rssBytes();
let most = before;
const watch = setInterval(() => (most = Math.max(most, stays.rssBytes())), 100);
dying.kill('SIGKILL');
const seconds = values.without
  ? await pause(WITHOUT_MS, WITHOUT_MS / 1_000)
  : await untilTold('offline', () => told.offline >= count);
sayTimes('meanwhile');
clearInterval(watch);
clearInterval(beat);
const growth = Math.round((most - before) / MIB);
const isRight = values.without || (told.offline === count && told.online === count + 1 && told.wrong === 0);
const rate = Math.round(count / Math.max(seconds - (LEASE_MS + WINDOW_MS) / 1000, 1));
say(
  `${count} users${values.held ? ', held' : ''}: ${told.offline} offline, ${told.wrong} in the wrong order, about ${rate} a second, ` +
    `memory ${Math.round(before / MIB)} MiB and at most ${growth} MiB more`,
);
watcher.close();
await stays.stop();
const turns = readFileSync(turnsFile, 'utf8')
  .split('\n')
  .map((line) => line.split(' ').map(Number));
for (const { name, from, to } of spans) {
  const longest = Math.max(0, ...turns.filter(([at]) => at >= from && at <= to).map(([, ms]) => ms));
  say(`longest turn of the node ${name}: ${longest} ms of its processor time`);
}
await redis.kill();
process.exit(isRight && growth <= Number(values['max-growth-mib']) ? 0 : 1);
