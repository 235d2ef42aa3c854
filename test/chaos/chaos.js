/**
 * Nodes die and hang, Redis is cut off and stalls, connections break, and no client misses anything. [H6] [R4] [O3]
 *
 *     npm run chaos -- --minutes 30 --seed 42 --nodes 3
 *     npm run chaos -- --minutes 5 --lose-redis
 *     npm run chaos -- --minutes 5 --with 628e4dc     half of the nodes run an older build
 *
 * What was answered 202 has to reach every client that it was for, once and in order; what was answered otherwise may,
 * once. Whenever everything has come to rest, all nodes tell the same of who is there, those who watch know it, and it is
 * so. Exits with 1 otherwise.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { buildOlder } from '../../bench/support/older-build.js';
import { Random } from '../fuzz/random.js';
import { auditDelivery, isExplained, presenceDifferences, registryDifferences } from './audit.js';
import { Client } from './client.js';
import { Cluster } from './cluster.js';
import { Faults } from './faults.js';
import { forgive, Stream } from './ledger.js';
import { Publisher } from './publisher.js';
import { Starvation } from './starvation.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(randomBytes(4).readUInt32BE()) },
    nodes: { type: 'string', default: '3' },
    clients: { type: 'string', default: '150' },
    /** Redis dies now and then, with all it holds: sessions that end are no fault then. */
    'lose-redis': { type: 'boolean', default: false },
    /** A commit whose build every other node that is started runs. */
    with: { type: 'string' },
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
/** One in so many clients watches its rooms, wants positions, and publishes. */
const WATCHERS = 3;
const POSITIONED = 2;
const SENDERS = 6;

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
const mains = [undefined, ...(values.with ? [buildOlder(values.with).main] : [])];
let started = 0;
const cluster = await Cluster.start({
  nodes: Number(values.nodes),
  env: ENV,
  random: Random.of(seed, 0),
  main: () => mains[started++ % mains.length],
});
const faults = new Faults(cluster, { random: Random.of(seed, 1), leaseMs, losesRedis: values['lose-redis'] });
const publisher = new Publisher({ urls: () => cluster.urls, random: Random.of(seed, 2) });
const random = Random.of(seed, 3);
const world = {
  url: cluster.balancer.url,
  random: Random.of(seed, 4),
  streamOf,
  isQuiet: () => faults.isQuiet,
  /** Of those who were held when Redis lost everything, nobody knows who was told what. */
  mayBeToldTwice: () =>
    faults.wereThere(performance.now() - windowMs - leaseMs - REGISTRY_SLACK_MS, performance.now(), [
      'loseRedis',
    ]),
  streamsIn: (room) => streamsIn.get(room),
  idAt,
  isTracing: values.verbose,
};
const problems = [];

/** What has been at a place of a history, so that nobody is told of something else there. */
const ids = new Map();
function idAt(room, epoch, offset, id) {
  const place = `${room} ${epoch} ${offset}`;
  if (!ids.has(place)) ids.set(place, id);
  return ids.get(place);
}
/** By room, the streams of the clients that publish there. */
const streamsIn = new Map();

const clients = Array.from({ length: Number(values.clients) }, (_, index) => {
  const user = `user-${Math.floor(index / CLIENTS_PER_USER)}`;
  return new Client(world, {
    index,
    user,
    rooms: [...new Set(random.several(3, () => random.pick(rooms)))],
    watches: index % WATCHERS === 0,
    isPositioned: index % POSITIONED === 0,
  });
});
const senders = clients
  .filter(({ index }) => index % SENDERS === 0)
  .map((client) => {
    const [room] = client.rooms;
    const name = `${room} by ${client.index}`;
    streamsIn.set(room, [...(streamsIn.get(room) ?? []), name]);
    return { client, room, stream: streamOf(name) };
  });
const homes = new Map(senders.map(({ client, room }) => [client, room]));
const watch = setInterval(() => {
  const now = performance.now();
  for (const client of clients) client.watch(now);
}, WATCH_INTERVAL_MS);
await Promise.race([Promise.all(clients.map(({ ready }) => ready)), pause(CONNECT_TIMEOUT_MS)]);

let isAtRest = false;

/** Somebody goes into a room or leaves one. */
function move() {
  const client = random.pick(clients);
  const room = random.pick(rooms);
  if (isAtRest || !client.isConnected || homes.get(client) === room) return;
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
publisher.runClients(senders);
const moving = setInterval(move, MOVE_INTERVAL_MS);
/** Waits until it is so; how long that took, or nothing when it did not come to be in time. */
async function within(limitMs, isSo) {
  const from = performance.now();
  while (!(await isSo())) {
    if (performance.now() - from > limitMs) return undefined;
    await pause(100);
  }
  return performance.now() - from;
}

const isBack = ({ isConnected, waiting, joined, rooms: wanted }) =>
  isConnected &&
  waiting.size === 0 &&
  joined.size === wanted.size &&
  [...wanted].every((room) => joined.has(room));
/** Everything that happened is over: what nodes and watchers know is compared with what is. [R4] [M4] */
const agreement = { comparisons: 0, lists: 0, worstMs: 0, worstSinceFaultMs: 0 };
let differences = [];
async function compare() {
  const over = performance.now();
  if ((await within(BACK_TIMEOUT_MS, () => clients.every(isBack))) === undefined) {
    problems.push(`${clients.filter((client) => !isBack(client)).length} clients did not come back`);
    return;
  }
  const tookMs = await within(leaseMs + REGISTRY_SLACK_MS, async () => {
    const registries = await Promise.all(cluster.urls.map((url) => registryDifferences(url, clients)));
    const { differences: untold, lists } = presenceDifferences(
      clients,
      faults,
      windowMs + leaseMs + REGISTRY_SLACK_MS,
    );
    differences = [...registries.flat(), ...untold];
    if (differences.length === 0) agreement.lists += lists;
    return differences.length === 0;
  });
  agreement.comparisons++;
  if (tookMs === undefined) return;
  agreement.worstMs = Math.max(agreement.worstMs, tookMs);
  agreement.worstSinceFaultMs = Math.max(agreement.worstSinceFaultMs, performance.now() - over);
}
async function peace() {
  isAtRest = true;
  await cluster.ready().catch((failure) => problems.push(failure.message));
  await compare();
  problems.push(...differences.slice(0, 5).map((line) => `at ${seconds(performance.now())} s: ${line}`));
  isAtRest = false;
}
const seconds = (moment) => ((moment - startedAt) / 1000).toFixed(1);

const starvation = new Starvation(faults, cluster);
const startedAt = performance.now();
await faults.run(startedAt + Number(values.minutes) * 60_000, peace);
const rss = cluster.running.map(({ gateway }) => gateway.rssBytes());

await cluster.ready().catch((failure) => problems.push(failure.message));
clearInterval(moving);
isAtRest = true;
if ((await within(BACK_TIMEOUT_MS, () => clients.every(isBack))) === undefined) {
  problems.push(`${clients.filter((client) => !isBack(client)).length} clients did not come back`);
}
// Everyone is there and nothing happens: what is published now reaches everyone.
await pause(2_000);
await publisher.stop();
for (const { kind, from, to } of faults.log) {
  if (kind === 'loseRedis') forgive(streams.values(), from - BEFORE_LOSS_MS, to + AFTER_LOSS_MS);
}
await within(CATCH_UP_TIMEOUT_MS, () => auditDelivery(clients, faults).totals.lost === 0);
differences = [];
await compare();
clearInterval(watch);
starvation.stop();

const { totals, examples } = auditDelivery(clients, faults);
const losses = clients.flatMap(({ index, losses: all }) => all.map((loss) => ({ index, ...loss })));
const unexplained = losses.filter((loss) => !isExplained(loss, faults, windowMs));
for (const { index, since, from, to } of unexplained.slice(0, 10)) {
  const at = (moment) => `${seconds(moment)} s`;
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
  'registry or presence differences': differences.length,
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
  [
    'registry and presence',
    `compared ${agreement.comparisons} times with all nodes, and ${agreement.lists} lists of watchers; equal within ${agreement.worstMs.toFixed(0)} ms of everybody's return, ${agreement.worstSinceFaultMs.toFixed(0)} ms of the last fault`,
  ],
  ['presence notices', sum(clients.map(({ notices }) => notices))],
  [
    'reordered across nodes',
    `${totals.acrossNodes}, while a node could not read what the others had published`,
  ],
  ['starved of CPU', `${starvation.count} times`],
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
  const troubled = examples.map((line) => Number(/^client (\d+)/.exec(line)[1]));
  const complaining = problems.flatMap((line) => /client (\d+)/.exec(line)?.slice(1).map(Number) ?? []);
  const strange = clients.filter(({ socketId }) => differences.some((line) => line.includes(socketId)));
  for (const index of new Set(
    [...strange.map((client) => client.index), ...troubled, ...complaining].slice(0, 8),
  )) {
    process.stdout.write(`client ${index}\n`);
    for (const [at, ...what] of clients[index].trace)
      process.stdout.write(`  ${seconds(at)} ${what.join(' ')}\n`);
  }
}
for (const line of [...examples, ...differences.slice(0, 10), ...problems.slice(0, 20)]) {
  process.stdout.write(`PROBLEM ${line}\n`);
}
for (const [name, value] of rows) process.stdout.write(`${name.padEnd(34)}${value}\n`);
process.exit(Object.values(found).every((number) => number === 0) ? 0 : 1);
