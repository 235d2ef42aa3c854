/**
 * Webhooks against a model: what users do while nodes die and the receiver fails, and what it was told in the end. [W3] [W4] [W5]
 *
 *     npm run chaos:webhooks -- --minutes 30 --seed 1
 *
 * Users come, leave on purpose, break off and are back in time or are not, on two nodes that are killed and stopped for
 * longer than their lease; the receiver answers with failures and slowly. Then, for every user, what the receiver has,
 * without doubles and by `seq`, has to be what the model says, no more and no less. Exits with 1 otherwise.
 */
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { io } from 'socket.io-client';
import { Random } from '../fuzz/random.js';
import { Cluster } from './cluster.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    users: { type: 'string', default: '30' },
  },
});
const seed = Number(values.seed);
const random = Random.of(seed, 0);
const LEASE_MS = 2_000;
const WINDOW_MS = 8_000;
/** Whoever is back by then was never gone, also on a busy machine. */
const BACK_WITHIN_MS = WINDOW_MS / 3;
/** Whoever is not by then has gone. */
const GONE_AFTER_MS = WINDOW_MS + LEASE_MS + 12_000;
const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;

const say = (line) => process.stdout.write(`${line}\n`);

const got = new Map();
let requests = 0;
let failures = 0;
let isFailing = false;
const receiver = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    requests++;
    const chance = random.next();
    if (isFailing || chance < 0.1) {
      failures++;
      if (chance < 0.03) return request.socket.destroy();
      return response.writeHead(chance < 0.06 ? 500 : 429, { 'retry-after': '0' }).end();
    }
    const event = JSON.parse(Buffer.concat(parts).toString());
    got.set(request.headers['webhook-id'], event);
    setTimeout(() => response.writeHead(204).end(), chance > 0.95 ? 300 : 0);
  });
});
await new Promise((done) => receiver.listen(0, '127.0.0.1', done));

const cluster = await Cluster.start({
  nodes: 2,
  random,
  env: {
    SWITCHBOARD_NODE_LEASE_MS: String(LEASE_MS),
    SWITCHBOARD_RECOVERY_WINDOW_MS: String(WINDOW_MS),
    SWITCHBOARD_DRAIN_WINDOW_MS: '0',
    SWITCHBOARD_WEBHOOKS: `model=http://127.0.0.1:${receiver.address().port}/`,
    SWITCHBOARD_WEBHOOK_SECRETS: `model:${SECRET}`,
    SWITCHBOARD_WEBHOOK_EVENTS: 'model=user.*+node.lost',
  },
});

/** What the model knows of a user: its sockets, and since when it is held. */
const users = Array.from({ length: Number(values.users) }, (_, index) => ({
  name: `user-${index}`,
  sockets: [],
  heldAt: undefined,
  expected: [],
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

async function disturb() {
  const slot = random.pick(usable());
  if (random.chance(0.5)) {
    await cluster.kill(slot);
    breakNode(slot);
    await comeBackOn(() => cluster.run(slot));
  } else {
    cluster.pause(slot);
    breakNode(slot);
    await comeBackOn(() => pause(LEASE_MS * 3));
    cluster.resume(slot);
    await cluster.ready();
  }
}

/** Some are back on the other node while something happens to theirs. */
async function comeBackOn(happens) {
  await Promise.all([happens(), comeBack()]);
}

async function step(user) {
  if (user.heldAt !== undefined) {
    const heldMs = Date.now() - user.heldAt;
    if (heldMs < BACK_WITHIN_MS) return void (await come(user));
    if (heldMs < GONE_AFTER_MS) return;
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
let disturbances = 0;
let nextDisturbance = started + 4_000;
while (Date.now() < endsAt) {
  await step(random.pick(users));
  steps++;
  isFailing = steps % 97 > 90;
  if (Date.now() > nextDisturbance) {
    await disturb();
    disturbances++;
    nextDisturbance = Date.now() + random.int(4_000, 12_000);
  }
}
isFailing = false;
for (const user of users) {
  if (user.sockets.length > 0) breakOff(user, [...user.sockets]);
  if (user.heldAt !== undefined) user.expected.push('user.offline');
}
const wanted = users.reduce((sum, { expected }) => sum + expected.length, 0);
const toldOf = (name) =>
  [...got.values()]
    .filter(({ type, data }) => type.startsWith('user.') && data.user === name)
    .toSorted((one, other) => one.data.seq - other.data.seq)
    .map(({ type }) => type);
const isAll = () => users.reduce((sum, { name }) => sum + toldOf(name).length, 0) >= wanted;
const patience = Date.now() + GONE_AFTER_MS + 60_000;
while (!isAll() && Date.now() < patience) await pause(200);
await pause(1_000);

const wrong = users.filter(({ name, expected }) => JSON.stringify(toldOf(name)) !== JSON.stringify(expected));
for (const { name, expected } of wrong.slice(0, 5)) {
  say(`${name}\n  model: ${expected.join(' ')}\n  told:  ${toldOf(name).join(' ')}`);
}
const epochs = new Set([...got.values()].map(({ data }) => data.epoch).filter(Boolean));
say(
  `seed ${seed}: ${steps} steps, ${disturbances} nodes killed or stopped, ${wanted} events of ${users.length} users in ` +
    `${epochs.size} epoch, ${requests} requests, ${failures} of them failed on purpose, ${wrong.length} users wrong`,
);
await cluster.close();
receiver.closeAllConnections();
receiver.close();
process.exit(wrong.length === 0 ? 0 : 1);
