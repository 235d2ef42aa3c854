/**
 * Webhooks against a model: what users do while nodes die and the receiver fails, and what it was told in the end. [W3] [W4] [W5]
 *
 *     npm run chaos:webhooks -- --minutes 30 --seed 1
 *     npm run chaos:webhooks -- --with badcc2a
 *
 * Users come, leave on purpose, break off and are back in time or are not, on two nodes that are killed, alone and both at
 * once, and stopped for longer than their lease; Redis is killed and comes back with all it had, or with nothing, and its
 * connections are cut; the receiver answers with failures, slowly and not at all. Then, for every user and epoch, what the
 * receiver has, without doubles and by `seq`, has to be what the model says, no more and no less, and it came in this order;
 * of an epoch that went with the memory of Redis the end may be missing. Exits with 1 otherwise.
 *
 * In the end it waits as long as partitions wait for their next attempt, and says which, who sends them and what they are
 * at; one that stands still although its attempt is due, or that nobody sends, is a failure. The seed repeats the choices
 * and not the run: what happens meanwhile depends on the machine.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { io } from 'socket.io-client';
import { buildOlder } from '../../bench/support/older-build.js';
import { Random } from '../fuzz/random.js';
import { Cluster } from './cluster.js';
import { describe, Partitions } from './webhook-partitions.js';
import { FailingReceiver } from './webhook-receiver.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    users: { type: 'string', default: '30' },
    /** A commit: every other node runs that build. */
    with: { type: 'string' },
  },
});
const seed = Number(values.seed);
const random = Random.of(seed, 0);
const LEASE_MS = 2_000;
const WINDOW_MS = 8_000;
/** Whoever is back by then was never gone, also on a busy machine. */
const BACK_WITHIN_MS = WINDOW_MS / 3;
/** Whoever is not back by then has gone, when nothing happens to nodes and Redis meanwhile: that may take time of its own. */
const GONE_AFTER_MS = WINDOW_MS + LEASE_MS + 12_000;
/** An event that failed five times is tried again after 10 minutes and a fifth. [W6] */
const LONGEST_WAIT_MS = 13 * 60_000;
const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;

const say = (line) => process.stdout.write(`${line}\n`);

const receiver = new FailingReceiver(Random.of(seed, 1));
const port = await receiver.listen();

const folder = mkdtempSync(join(tmpdir(), 'switchboard-chaos-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const mains = [undefined, ...(values.with ? [buildOlder(values.with).main] : [])];
let nodesStarted = 0;
const cluster = await Cluster.start({
  nodes: 2,
  folder,
  random,
  main: () => mains[nodesStarted++ % mains.length],
  env: {
    SWITCHBOARD_NODE_LEASE_MS: String(LEASE_MS),
    SWITCHBOARD_RECOVERY_WINDOW_MS: String(WINDOW_MS),
    SWITCHBOARD_DRAIN_WINDOW_MS: '0',
    SWITCHBOARD_WEBHOOKS: `model=http://127.0.0.1:${port}/`,
    SWITCHBOARD_WEBHOOK_SECRETS: `model:${SECRET}`,
    SWITCHBOARD_WEBHOOK_EVENTS: 'model=user.*+node.lost',
  },
});
const partitions = new Partitions(cluster.redis, 'model', LEASE_MS);

/** What the model knows of a user: its sockets, since when it is held, and what is to be told in each epoch. */
const users = Array.from({ length: Number(values.users) }, (_, index) => ({
  name: `user-${index}`,
  sockets: [],
  heldAt: undefined,
  expected: [],
  before: [],
}));

const usable = () => cluster.running.filter(({ isPaused }) => !isPaused);

async function socketsOf(user) {
  for (;;) {
    const { url } = random.pick(usable()).gateway;
    const answer = await fetch(`${url}/v1/users/${user.name}`).catch(() => undefined);
    if (answer?.ok) return (await answer.json()).sockets.length;
    await pause(50);
  }
}

async function settle(user) {
  while ((await socketsOf(user)) !== user.sockets.length) await pause(20);
}

async function come(user) {
  const slot = random.pick(usable());
  const socket = io(slot.gateway.url, {
    auth: { user: user.name },
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
  });
  const isIn = await new Promise((done) => {
    socket.on('connect', () => done(true));
    socket.on('connect_error', () => done(false));
  });
  if (!isIn) return false;
  if (user.sockets.length === 0 && user.heldAt === undefined) user.expected.push('user.online');
  user.heldAt = undefined;
  user.sockets.push({ socket, slot });
  await settle(user);
  return true;
}

async function leave(user) {
  const [{ socket }] = user.sockets.splice(random.int(0, user.sockets.length - 1), 1);
  socket.disconnect();
  await settle(user);
  if (user.sockets.length === 0) user.expected.push('user.offline');
}

function breakOff(user, sockets) {
  for (const each of sockets) {
    user.sockets.splice(user.sockets.indexOf(each), 1);
    each.socket.io.engine.close();
  }
  if (user.sockets.length === 0) user.heldAt = Date.now();
}

/** All sockets of a node break; who is not held by then has another one. */
function breakNode(slot) {
  for (const user of users) {
    const there = user.sockets.filter((each) => each.slot === slot);
    if (there.length > 0) breakOff(user, there);
  }
}

async function comeBack() {
  for (const user of users) {
    if (user.heldAt === undefined || Date.now() - user.heldAt > BACK_WITHIN_MS) continue;
    if (random.chance(0.7)) await come(user);
  }
}

const DISTURBANCES = {
  kill: async () => {
    const slot = random.pick(usable());
    await cluster.kill(slot);
    breakNode(slot);
    await comeBackOn(() => cluster.run(slot));
  },
  killAll: async () => {
    const slots = [...cluster.slots];
    await Promise.all(slots.map((slot) => cluster.kill(slot)));
    slots.forEach(breakNode);
    await Promise.all(slots.map((slot) => cluster.run(slot)));
    await comeBack();
  },
  pause: async () => {
    const slot = random.pick(usable());
    cluster.pause(slot);
    breakNode(slot);
    await comeBackOn(() => pause(LEASE_MS * 3));
    cluster.resume(slot);
    await cluster.ready();
  },
  restartRedis: async () => {
    await cluster.redis.kill();
    await pause(random.int(0, 3_000));
    await cluster.redis.run();
    await cluster.ready();
    await comeBack();
  },
  cutRedis: () => cluster.redis.cutConnections(),
  emptyRedis: async () => {
    await forgetHeld();
    await cluster.redis.kill();
    rmSync(join(folder, 'appendonlydir'), { recursive: true, force: true });
    await cluster.redis.run();
    await cluster.ready();
    for (const user of users) {
      user.before.push(user.expected);
      user.expected = user.sockets.length > 0 ? ['user.online'] : [];
    }
    for (const user of users) await settle(user);
  },
};
const CHANCES = [
  ['kill', 0.3],
  ['pause', 0.55],
  ['killAll', 0.65],
  ['restartRedis', 0.85],
  ['cutRedis', 0.95],
  ['emptyRedis', 1],
];
const disturbances = new Map();

async function disturb() {
  const chance = random.next();
  const [name] = CHANCES.find(([, upTo]) => chance < upTo);
  disturbances.set(name, (disturbances.get(name) ?? 0) + 1);
  await DISTURBANCES[name]();
  quietSince = Date.now();
}

/** Since when nothing has happened to nodes and Redis. */
let quietSince = Date.now();
const goneAt = (user) => Math.max(user.heldAt, quietSince) + GONE_AFTER_MS;

/** Until nobody is held: who of them would be told offline before the memory goes, and who not, nobody could say. */
async function forgetHeld() {
  for (const user of users) {
    if (user.heldAt === undefined) continue;
    await pause(Math.max(0, goneAt(user) - Date.now()));
    user.expected.push('user.offline');
    user.heldAt = undefined;
  }
}

/** Some are back on the other node while something happens to theirs. */
async function comeBackOn(happens) {
  await Promise.all([happens(), comeBack()]);
}

async function step(user) {
  if (user.heldAt !== undefined) {
    if (Date.now() - user.heldAt < BACK_WITHIN_MS) return void (await come(user));
    if (Date.now() < goneAt(user)) return void (await pause(1));
    user.expected.push('user.offline');
    user.heldAt = undefined;
  }
  if (user.sockets.length === 0 || (user.sockets.length < 3 && random.chance(0.4)))
    return void (await come(user));
  if (random.chance(0.5)) return leave(user);
  breakOff(user, [random.pick(user.sockets)]);
  await settle(user);
}

const started = Date.now();
const endsAt = started + Number(values.minutes) * 60_000;
let steps = 0;
let nextDisturbance = started + 4_000;
while (Date.now() < endsAt) {
  await step(random.pick(users));
  steps++;
  receiver.isFailing = steps % 97 > 90;
  if (Date.now() > nextDisturbance) {
    await disturb();
    nextDisturbance = Date.now() + random.int(4_000, 12_000) + (random.chance(0.3) ? GONE_AFTER_MS : 0);
  }
}
receiver.isWell = true;
for (const user of users) {
  if (user.sockets.length > 0) breakOff(user, [...user.sockets]);
  if (user.heldAt !== undefined) user.expected.push('user.offline');
}
const isBySeq = (events) =>
  events.every(({ data }, index) => index === 0 || data.seq > events[index - 1].data.seq);
const typesOf = (events) =>
  events.toSorted((one, other) => one.data.seq - other.data.seq).map(({ type }) => type);
const wanted = users.reduce((sum, { expected }) => sum + expected.length, 0);
const epochsExpected = 1 + (disturbances.get('emptyRedis') ?? 0);
/** Before the first event of the last epoch is here, the newest epoch is the one before. */
const isAll = () => {
  const told = receiver.epochs();
  if (told.length < epochsExpected) return false;
  return users.reduce((sum, { name }) => sum + receiver.eventsOf(name, told.at(-1)).length, 0) >= wanted;
};

/** Until all is told, and noted; for as long as a partition waits for its next attempt, and none has any trouble. */
async function drained() {
  const writtenBy = Date.now() + GONE_AFTER_MS + 60_000;
  const until = Date.now() + LONGEST_WAIT_MS;
  for (let isSaid = false; ;) {
    const open = await partitions.open();
    const hasTrouble = open.some(({ trouble }) => trouble !== undefined);
    if (hasTrouble || Date.now() > until || (open.length === 0 && (isAll() || Date.now() > writtenBy)))
      return open;
    if (!isSaid && Date.now() > writtenBy) {
      open.flatMap(describe).forEach(say);
      isSaid = true;
    }
    await pause(500);
  }
}
const open = await drained();
await partitions.end();
open.flatMap(describe).forEach(say);

const epochs = receiver.epochs();
const isPrefix = (told, whole) => told.every((type, index) => type === whole[index]);
const isRight = ({ name, before, expected }) =>
  [...before, expected].every((model, index, all) => {
    const events = receiver.eventsOf(name, epochs[index]);
    const told = typesOf(events);
    return (
      isBySeq(events) && isPrefix(told, model) && (index < all.length - 1 || told.length === model.length)
    );
  });
const wrong = users.filter((user) => !isRight(user));
for (const { name, before, expected } of wrong.slice(0, 5)) {
  [...before, expected].forEach((model, index) => {
    const events = receiver.eventsOf(name, epochs[index]);
    const order = isBySeq(events) ? '' : ' NOT IN ORDER';
    say(`${name} epoch ${index}\n  model: ${model.join(' ')}\n  told:  ${typesOf(events).join(' ')}${order}`);
  });
}
const isEveryEpoch = epochs.length === epochsExpected;
if (!isEveryEpoch) say(`told of ${epochs.length} epochs`);
const happened = [...disturbances].map(([name, count]) => `${name} ${count}`).join(', ');
const all = users.flatMap(({ before, expected }) => [...before, expected].flat()).length;
say(
  `seed ${seed}: ${steps} steps; ${happened}; ${all} events of ${users.length} users in ${epochs.length} epochs, ` +
    `${receiver.requests} requests, ${receiver.failures} of them failed on purpose, ${wrong.length} users wrong, ` +
    `${open.length} partitions not drained; failures by how many the event has had: ` +
    partitions.waits.join(', '),
);
await cluster.close();
receiver.close();
process.exit(wrong.length === 0 && isEveryEpoch && open.length === 0 ? 0 : 1);
