/**
 * Every node is restarted, one after the other, while everyone is connected and events are published. [O2] [H6]
 *
 *     npm run rolling-restart -- --clients 2000 --stock 200 --max-p95-ms 2000 --seed 42
 *     npm run rolling-restart -- --from 628e4dc     an update: nodes of an older build make room for those of this one
 *     npm run rolling-restart -- --to 628e4dc       it is taken back
 *
 * Nobody misses anything. Exits with 1 otherwise. `--stock` of the clients are the stock client with its default options;
 * the others only keep its back-off, to the number, and cost a fraction of it: nodes, Redis, balancer and clients share
 * the machine.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildOlder } from '../../bench/support/older-build.js';
import { Random } from '../fuzz/random.js';
import { auditDelivery, registryDifferences } from './audit.js';
import { Client } from './client.js';
import { Cluster } from './cluster.js';
import { Stream } from './ledger.js';
import { ProcessorTime } from './processor-time.js';
import { Publisher } from './publisher.js';
import { StockClient, stockBackOffMs } from './stock-client.js';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '2000' },
    /** How many of them are the stock client. */
    stock: { type: 'string', default: '200' },
    nodes: { type: 'string', default: '3' },
    /** Restarts nodes of stock Socket.IO instead, to compare with; they keep no registry that could be compared. */
    peer: { type: 'boolean', default: false },
    /** Commits whose builds the nodes run before and after their restart; without one, this build. */
    from: { type: 'string' },
    to: { type: 'string' },
    seed: { type: 'string', default: String(randomBytes(4).readUInt32BE()) },
    /** Publications per second; each goes to a room of 50 clients or to a user. */
    rate: { type: 'string', default: '60' },
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
const QUIET_MS = 1_000;
const LOOK_INTERVAL_MS = 100;

const ENV = {
  SWITCHBOARD_LOG_LEVEL: 'info',
  SWITCHBOARD_HISTORY: 'h-*=10000/10m',
  SWITCHBOARD_PING_INTERVAL_MS: '10000',
  SWITCHBOARD_PING_TIMEOUT_MS: '10000',
  SWITCHBOARD_DRAIN_WINDOW_MS: values['drain-window-ms'],
};

/** Redis is well all the time. */
const NO_FAULTS = { wereThere: () => false };

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

const STOCK_NODE = fileURLToPath(new URL('stock-node.js', import.meta.url));
const mainOf = (commit) => (values.peer ? STOCK_NODE : commit && buildOlder(commit).main);
const mains = { before: mainOf(values.from), after: mainOf(values.to) };
let main = mains.before;

process.stdout.write(`seed ${seed}\n`);
const cluster = await Cluster.start({
  nodes: Number(values.nodes),
  env: ENV,
  random: Random.of(seed, 0),
  main: () => main,
});
main = mains.after;
const random = Random.of(seed, 1);
const backOffs = Random.of(seed, 2);
const world = {
  // Straight to a node that takes connections, as by a balancer that costs nothing. The one in this process would be what
  // is measured: libuv accepts one connection per turn of the event loop, and its turns are long with so many clients.
  get url() {
    return `http://127.0.0.1:${cluster.portsByChance()[0]}`;
  },
  random,
  streamOf,
  isQuiet: () => true,
  backOffMs: (attempts) => stockBackOffMs(attempts, backOffs.next()),
};
const isStock = (index) => index < Number(values.stock);
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
    return new (isStock(index) ? StockClient : Client)(world, {
      index,
      user: `user-${index >> 1}`,
      rooms: new Set([random.pick(rooms), random.pick(rooms)]),
    });
  });
  clients.push(...some);
  await Promise.race([Promise.all(some.map(({ ready }) => ready)), pause(READY_TIMEOUT_MS)]);
}

process.stdout.write(`${count} clients are connected\n`);

const publisher = new Publisher({
  urls: () => cluster.running.filter(({ isDraining }) => !isDraining).map(({ gateway }) => gateway.url),
  random: Random.of(seed, 3),
  perSecond: Number(values.rate),
});
publisher.run([
  ...rooms.map((room) => ({ stream: streamOf(room), to: () => ({ rooms: [room] }) })),
  ...clients
    .filter((_, index) => index % 50 === 0)
    .map(({ user }) => ({ stream: streamOf(user), to: () => ({ users: [user] }) })),
]);
/** How long it took those of them who were sent away, each time. */
function percentiles(isMeant = () => true) {
  const sorted = clients
    .flatMap(({ returns }, index) => returns.map((each) => ({ ...each, isStock: isStock(index) })))
    .filter(isMeant)
    .map(({ ms }) => ms)
    .toSorted((one, other) => one - other);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  const text = [0.5, 0.95, 0.99].map((part) => `p${part * 100} ${at(part).toFixed(0)}`).join(', ');
  return { count: sorted.length, p95: at(0.95), text: `${text}, max ${at(1).toFixed(0)} ms` };
}
const used = new ProcessorTime(() => ({
  nodes: cluster.running.map(({ gateway }) => gateway.child.pid),
  redis: [cluster.redis.child.pid],
  load: [process.pid],
}));
const looking = setInterval(() => used.look(), LOOK_INTERVAL_MS);
const isBack = ({ isConnected }) => isConnected;
const startedAt = performance.now();
for (const slot of cluster.slots) {
  await pause(QUIET_MS);
  used.look();
  const before = used.totals;
  const from = performance.now();
  let drainedMs = NaN;
  const exit = await cluster.restart(slot, () => (drainedMs = performance.now() - from));
  if (exit !== 0) problems.push(`a node that drained ended with ${exit}`);
  await cluster.ready();
  if (!(await until(READY_TIMEOUT_MS, () => clients.every(isBack)))) {
    problems.push(`${clients.filter((client) => !isBack(client)).length} clients did not come back`);
  }
  used.look();
  const after = used.totals;
  const ms = performance.now() - from;
  const shares = Object.keys(after).map((kind) => `${kind} ${(after[kind] - before[kind]).toFixed(1)} s`);
  const { count: sentAway, text } = percentiles((each) => each.from >= from);
  process.stdout.write(
    `restart: ${sentAway} sent away, back after ${text}; drained in ${drainedMs.toFixed(0)} ms, ` +
      `all back and ready in ${ms.toFixed(0)} ms; CPU meanwhile: ${shares.join(', ')}\n`,
  );
}
clearInterval(looking);
const seconds = (performance.now() - startedAt) / 1000;
await pause(1_000);
await publisher.stop();
await until(CATCH_UP_TIMEOUT_MS, () => auditDelivery(clients, NO_FAULTS).totals.lost === 0);
let differences = [];
await until(CATCH_UP_TIMEOUT_MS, async () => {
  if (values.peer) return true;
  differences = (await Promise.all(cluster.urls.map((url) => registryDifferences(url, clients)))).flat();
  return differences.length === 0;
});
clearInterval(watch);

const { totals, examples } = auditDelivery(clients, NO_FAULTS);
const all = percentiles();
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
  'ended without goodbye': clients.reduce((sum, { breaks }) => sum + breaks, 0),
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
  ['goodbyes', all.count],
  ['goodbye to back', all.text],
  ['– the stock client', percentiles((each) => each.isStock).text],
  ...Object.entries(found),
];
for (const line of [...examples, ...differences.slice(0, 10), ...problems.slice(0, 20)]) {
  process.stdout.write(`PROBLEM ${line}\n`);
}
for (const [name, value] of rows) process.stdout.write(`${name.padEnd(24)}${value}\n`);
const isSoon = all.p95 < Number(values['max-p95-ms']);
process.exit(isSoon && Object.values(found).every((number) => number === 0) ? 0 : 1);
