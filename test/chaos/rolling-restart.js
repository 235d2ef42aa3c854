/**
 * Every node is restarted, one after the other, while everyone is connected and events are published. [O2] [H6]
 *
 *     npm run rolling-restart -- --clients 2000 --seed 42
 *
 * Nobody misses anything. Exits with 1 otherwise.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Random } from '../fuzz/random.js';
import { auditDelivery, registryDifferences } from './audit.js';
import { Client } from './client.js';
import { Cluster } from './cluster.js';
import { Stream } from './ledger.js';
import { Publisher } from './publisher.js';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '2000' },
    nodes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(randomBytes(4).readUInt32BE()) },
    'drain-window-ms': { type: 'string', default: '5000' },
    /** Fails when more than one in twenty takes longer from the goodbye until it is back. */
    'max-p95-ms': { type: 'string', default: 'Infinity' },
  },
});
const seed = Number(values.seed);
const count = Number(values.clients);

const CLIENTS_PER_ROOM = 50;
const CONNECTING_AT_ONCE = 100;
const READY_TIMEOUT_MS = 60_000;
const CATCH_UP_TIMEOUT_MS = 30_000;
const WATCH_INTERVAL_MS = 500;

const ENV = {
  SWITCHBOARD_LOG_LEVEL: 'info',
  SWITCHBOARD_HISTORY: 'h-*=10000/10m',
  SWITCHBOARD_PING_INTERVAL_MS: '10000',
  SWITCHBOARD_PING_TIMEOUT_MS: '10000',
  SWITCHBOARD_DRAIN_WINDOW_MS: values['drain-window-ms'],
};

const streams = new Map();
const streamOf = (name) => {
  if (!streams.has(name)) streams.set(name, new Stream(name));
  return streams.get(name);
};
async function until(limitMs, isSo) {
  const over = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > over) return false;
    await pause(100);
  }
  return true;
}

process.stdout.write(`seed ${seed}\n`);
const cluster = await Cluster.start({ nodes: Number(values.nodes), env: ENV, random: Random.of(seed, 0) });
const random = Random.of(seed, 1);
const world = { url: cluster.balancer.url, random: Random.of(seed, 2), streamOf, isQuiet: () => true };
const rooms = Array.from({ length: Math.ceil(count / CLIENTS_PER_ROOM) * 2 }, (_, index) =>
  index % 2 ? `r-${index}` : `h-${index}`,
);
const problems = [];
const clients = [];
const watch = setInterval(() => {
  const now = performance.now();
  for (const client of clients) client.watch(now);
}, WATCH_INTERVAL_MS);
while (clients.length < count) {
  const some = Array.from({ length: Math.min(CONNECTING_AT_ONCE, count - clients.length) }, (_, nth) => {
    const index = clients.length + nth;
    return new Client(world, {
      index,
      user: `user-${index >> 1}`,
      rooms: new Set([random.pick(rooms), random.pick(rooms)]),
    });
  });
  clients.push(...some);
  await Promise.race([Promise.all(some.map(({ ready }) => ready)), pause(READY_TIMEOUT_MS)]);
}

const publisher = new Publisher({
  urls: () => cluster.running.filter(({ isDraining }) => !isDraining).map(({ gateway }) => gateway.url),
  random: Random.of(seed, 3),
});
publisher.run([
  ...rooms.map((room) => ({ stream: streamOf(room), to: () => ({ rooms: [room] }) })),
  ...clients
    .filter((_, index) => index % 50 === 0)
    .map(({ user }) => ({ stream: streamOf(user), to: () => ({ users: [user] }) })),
]);
const startedAt = performance.now();
for (const slot of cluster.slots) {
  await pause(1_000);
  const exit = await cluster.restart(slot);
  if (exit !== 0) problems.push(`a node that drained ended with ${exit}`);
  await cluster.ready();
}
const seconds = (performance.now() - startedAt) / 1000;
const isBack = ({ isConnected }) => isConnected;
if (!(await until(READY_TIMEOUT_MS, () => clients.every(isBack)))) {
  problems.push(`${clients.filter((client) => !isBack(client)).length} clients did not come back`);
}
await pause(1_000);
await publisher.stop();
await until(CATCH_UP_TIMEOUT_MS, () => auditDelivery(clients).totals.lost === 0);
let differences = [];
await until(CATCH_UP_TIMEOUT_MS, async () => {
  differences = (await Promise.all(cluster.urls.map((url) => registryDifferences(url, clients)))).flat();
  return differences.length === 0;
});
clearInterval(watch);

const { totals, examples } = auditDelivery(clients);
const returns = clients.flatMap((client) => client.returns).toSorted((one, other) => one - other);
const quantile = (share) => returns[Math.min(returns.length - 1, Math.floor(returns.length * share))] ?? NaN;
for (const client of clients) {
  problems.push(...client.problems);
  client.close();
}
await cluster.close();
problems.push(...publisher.problems, ...new Set(cluster.complaints.slice(0, 10)));

const notRecovered = clients.flatMap(({ losses }) => losses).length;
const found = {
  lost: totals.lost,
  doubled: totals.doubled,
  reordered: totals.reordered,
  'not recovered': notRecovered,
  'registry differences': differences.length,
  'other problems': problems.length,
};
const rows = [
  ['clients', `${clients.length} on ${values.nodes} nodes; seed ${seed}`],
  ['time', `${seconds.toFixed(1)} s for all nodes`],
  [
    'publications',
    Object.entries(publisher.counts)
      .map(([kind, times]) => `${kind} ${times}`)
      .join(', '),
  ],
  ['received', `${totals.received}, ${totals.due} of them due`],
  ['goodbyes', returns.length],
  [
    'goodbye to back',
    `p50 ${quantile(0.5).toFixed(0)} ms, p95 ${quantile(0.95).toFixed(0)} ms, max ${quantile(1).toFixed(0)} ms`,
  ],
  ...Object.entries(found),
];
for (const line of [...examples, ...differences.slice(0, 10), ...problems.slice(0, 20)]) {
  process.stdout.write(`PROBLEM ${line}\n`);
}
for (const [name, value] of rows) process.stdout.write(`${name.padEnd(24)}${value}\n`);
const isSoon = quantile(0.95) < Number(values['max-p95-ms']);
process.exit(isSoon && Object.values(found).every((number) => number === 0) ? 0 : 1);
