/**
 * Nodes die and hang, Redis is cut off and stalls, connections break, and no client misses anything. [H6] [R4] [O3]
 *
 *     npm run chaos -- --minutes 30 --seed 42 --nodes 3
 *     npm run chaos -- --minutes 5 --lose-redis
 *
 * What was answered 202 has to reach every client that it was for, once and in order; what was answered otherwise may,
 * once. At the end all nodes tell the same of who is there, and it is so. Exits with 1 otherwise.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Random } from '../fuzz/random.js';
import { auditDelivery, isExplained, registryDifferences } from './audit.js';
import { Client } from './client.js';
import { Cluster } from './cluster.js';
import { Faults } from './faults.js';
import { forgive, Stream } from './ledger.js';
import { Publisher } from './publisher.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(randomBytes(4).readUInt32BE()) },
    nodes: { type: 'string', default: '3' },
    clients: { type: 'string', default: '150' },
    /** Redis dies now and then, with all it holds: sessions that end are no fault then. */
    'lose-redis': { type: 'boolean', default: false },
    'lease-ms': { type: 'string', default: '3000' },
    'recovery-window-ms': { type: 'string', default: '30000' },
    /** Tells when what happened, and what happened to a client that something went wrong for. */
    verbose: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const leaseMs = Number(values['lease-ms']);
const windowMs = Number(values['recovery-window-ms']);

const CONNECT_TIMEOUT_MS = 60_000;
const BACK_TIMEOUT_MS = 60_000;
const CATCH_UP_TIMEOUT_MS = 20_000;
const REGISTRY_SLACK_MS = 3_000;
const WATCH_INTERVAL_MS = 200;
const BEFORE_LOSS_MS = 2_000;
const AFTER_LOSS_MS = 3_000;
const ROOMS_OF_KIND = 8;
const CLIENTS_PER_USER = 2;
const MOVE_INTERVAL_MS = 150;

const ENV = {
  SWITCHBOARD_LOG_LEVEL: 'info',
  SWITCHBOARD_HISTORY: 'h-*=10000/10m',
  SWITCHBOARD_RECOVERY_WINDOW_MS: String(windowMs),
  SWITCHBOARD_NODE_LEASE_MS: String(leaseMs),
  SWITCHBOARD_PING_INTERVAL_MS: '1500',
  SWITCHBOARD_PING_TIMEOUT_MS: '1500',
  SWITCHBOARD_DRAIN_WINDOW_MS: '500',
  SWITCHBOARD_MAX_SOCKETS_PER_USER: '0',
};

const numbered = (prefix, length) => Array.from({ length }, (_, index) => `${prefix}${index}`);
const rooms = [...numbered('h-', ROOMS_OF_KIND), ...numbered('r-', ROOMS_OF_KIND)];

const streams = new Map();
const streamOf = (name) => {
  let stream = streams.get(name);
  if (!stream) streams.set(name, (stream = new Stream(name)));
  return stream;
};

process.stdout.write(`seed ${seed}\n`);
const cluster = await Cluster.start({ nodes: Number(values.nodes), env: ENV, random: Random.of(seed, 0) });
const faults = new Faults(cluster, { random: Random.of(seed, 1), leaseMs, losesRedis: values['lose-redis'] });
const publisher = new Publisher({ urls: () => cluster.urls, random: Random.of(seed, 2) });
const random = Random.of(seed, 3);
const world = {
  url: cluster.balancer.url,
  random: Random.of(seed, 4),
  streamOf,
  isQuiet: () => faults.isQuiet,
  isTracing: values.verbose,
};
const problems = [];

const clients = Array.from({ length: Number(values.clients) }, (_, index) => {
  const user = `user-${Math.floor(index / CLIENTS_PER_USER)}`;
  return new Client(world, { index, user, rooms: [...new Set(random.several(3, () => random.pick(rooms)))] });
});
const watch = setInterval(() => {
  const now = performance.now();
  for (const client of clients) client.watch(now);
}, WATCH_INTERVAL_MS);
await Promise.race([Promise.all(clients.map(({ ready }) => ready)), pause(CONNECT_TIMEOUT_MS)]);

/** Somebody goes into a room or leaves one. */
function move() {
  const client = random.pick(clients);
  const room = random.pick(rooms);
  if (!client.isConnected) return;
  if (client.rooms.has(room) && client.rooms.size > 1) client.leave(room);
  else client.join(room);
}

const userTargets = numbered('user-', clients.length / CLIENTS_PER_USER).filter(
  (_, index) => index % 4 === 0,
);
publisher.run([
  ...rooms.map((room) => ({ stream: streamOf(room), to: () => ({ rooms: [room] }) })),
  ...userTargets.map((user) => ({ stream: streamOf(user), to: () => ({ users: [user] }) })),
  ...clients
    .filter((_, index) => index % 8 === 0)
    .map((client) => ({
      stream: streamOf(`socket-${client.index}`),
      to: () => (client.socketId === '' ? undefined : { sockets: [client.socketId] }),
    })),
]);
const moving = setInterval(move, MOVE_INTERVAL_MS);
const startedAt = performance.now();
await faults.run(startedAt + Number(values.minutes) * 60_000);
const rss = cluster.running.map(({ gateway }) => gateway.rssBytes());

/** Waits until it is so; how long that took, or nothing when it did not come to be in time. */
async function within(limitMs, isSo) {
  const from = performance.now();
  while (!(await isSo())) {
    if (performance.now() - from > limitMs) return undefined;
    await pause(100);
  }
  return performance.now() - from;
}

await cluster.ready().catch((failure) => problems.push(failure.message));
clearInterval(moving);
const isBack = ({ isConnected, waiting, joined, rooms: wanted }) =>
  isConnected &&
  waiting.size === 0 &&
  joined.size === wanted.size &&
  [...wanted].every((room) => joined.has(room));
if ((await within(BACK_TIMEOUT_MS, () => clients.every(isBack))) === undefined) {
  problems.push(`${clients.filter((client) => !isBack(client)).length} clients did not come back`);
}
// Everyone is there and nothing happens: what is published now reaches everyone.
await pause(2_000);
await publisher.stop();
for (const { kind, from, to } of faults.log) {
  if (kind === 'loseRedis') forgive(streams.values(), from - BEFORE_LOSS_MS, to + AFTER_LOSS_MS);
}
await within(CATCH_UP_TIMEOUT_MS, () => auditDelivery(clients).totals.lost === 0);
let differences = [];
const convergedMs = await within(leaseMs + REGISTRY_SLACK_MS, async () => {
  differences = (await Promise.all(cluster.urls.map((url) => registryDifferences(url, clients)))).flat();
  return differences.length === 0;
});
clearInterval(watch);

const { totals, examples } = auditDelivery(clients);
const losses = clients.flatMap(({ index, losses: all }) => all.map((loss) => ({ index, ...loss })));
const unexplained = losses.filter((loss) => !isExplained(loss, faults, windowMs));
for (const { index, since, from, to } of unexplained.slice(0, 10)) {
  const at = (moment) => `${((moment - startedAt) / 1000).toFixed(1)} s`;
  examples.push(`client ${index} of ${at(since)} was not recovered: away from ${at(from)} to ${at(to)}`);
}
for (const client of clients) {
  problems.push(...client.problems);
  client.close();
}
problems.push(...publisher.problems);
await cluster.close();
problems.push(...new Set(cluster.complaints.slice(0, 10)));

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const found = {
  lost: totals.lost,
  doubled: totals.doubled,
  reordered: totals.reordered,
  'not recovered, unexplained': unexplained.length,
  'registry differences': differences.length,
  'other problems': problems.length,
};
const rows = [
  ['seed', `${seed}, ${values.nodes} nodes, ${values.minutes} min`],
  ['clients', clients.length],
  [
    'faults',
    Object.entries(faults.counts)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', '),
  ],
  [
    'publications',
    Object.entries(publisher.counts)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', '),
  ],
  ['received', `${totals.received}, ${totals.due} of them due`],
  ['recovered', sum(clients.map(({ recoveries }) => recoveries))],
  ['not recovered', `${losses.length}, ${losses.length - unexplained.length} explained by a fault`],
  ['registry', convergedMs === undefined ? 'not as it should be' : `as it should be, the same on all nodes`],
  [
    'reordered across nodes',
    `${totals.acrossNodes}, while a node could not read what the others had published`,
  ],
  ['RSS', rss.map((bytes) => `${(bytes / 2 ** 20).toFixed(0)} MB`).join(', ')],
  ...Object.entries(found),
];
if (values.verbose) {
  for (const { kind, from, to } of faults.log) {
    process.stdout.write(
      `${((from - startedAt) / 1000).toFixed(1)}–${((to - startedAt) / 1000).toFixed(1)} ${kind}\n`,
    );
  }
}
if (values.verbose) {
  const seconds = (moment) => ((moment - startedAt) / 1000).toFixed(3);
  const troubled = examples.map((line) => Number(/^client (\d+)/.exec(line)[1]));
  const strange = clients.filter(({ socketId }) => differences.some((line) => line.includes(socketId)));
  for (const index of new Set([...strange.map((client) => client.index), ...troubled].slice(0, 6))) {
    process.stdout.write(`client ${index}\n`);
    for (const [at, ...what] of clients[index].trace)
      process.stdout.write(`  ${seconds(at)} ${what.join(' ')}\n`);
  }
}
for (const line of [...examples, ...differences.slice(0, 10), ...problems.slice(0, 20)]) {
  process.stdout.write(`PROBLEM ${line}\n`);
}
for (const [name, value] of rows) process.stdout.write(`${name.padEnd(28)}${value}\n`);
process.exit(Object.values(found).every((number) => number === 0) ? 0 : 1);
