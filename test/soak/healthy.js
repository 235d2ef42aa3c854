/**
 * Healthy clients, for a while: they connect, join, ask, are sent to, acknowledge, reload and leave, and nothing goes wrong.
 * Afterwards every user, the address they share and a sample of the publications are explained: no finding may be more
 * than `possible`.
 *
 *     npm run healthy -- --clients 1000 --minutes 5
 *
 * Prints the seed, what was done and each finding that was too sure. Exits with 1 if there is one.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { io } from 'socket.io-client';
import { Random } from '../fuzz/random.js';
import { startGatewayProcess } from '../support/gateway-process.js';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(randomBytes(4).readUInt32BE()) },
    /** How many fall sick, which must be found out. For the test of this script. */
    sick: { type: 'string', default: '0' },
  },
});
const wantedClients = Number(values.clients);
const lastsMs = Number(values.minutes) * 60_000;
const random = new Random(Number(values.seed));

const CONNECTING_AT_ONCE = 20;
const STEP_MS = 20;
const REQUEST_TIMEOUT_MS = 60_000;
/** A page that reloads is away for this long. */
const RELOAD_MS = 200;
const TOO_LARGE_BYTES = 200_000;
const ROOMS = Array.from({ length: 50 }, (_, index) => `room-${index}`);
const TRANSPORTS = [['websocket'], ['polling', 'websocket']];

const gateway = await startGatewayProcess();
const problems = [];
const counts = { connected: 0, reloads: 0, requests: 0, publications: 0, acknowledged: 0 };
const publications = [];
const clients = [];

async function api(method, path, body) {
  const response = await fetch(gateway.url + path, {
    method,
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  });
  return response.json();
}

async function connect({ user, room }) {
  const socket = io(gateway.url, {
    auth: { user, recovery: random.chance(0.5) },
    transports: random.pick(TRANSPORTS),
    forceNew: true,
    timeout: REQUEST_TIMEOUT_MS,
  });
  socket.on('question', (answer) => answer('yes'));
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  counts.connected++;
  const { ok } = await socket.emitWithAck('room:join', { room, presence: true });
  if (!ok) problems.push(`${user} could not join ${room}`);
  return socket;
}

/** As a browser does: the page says goodbye, and the next one connects. */
async function reload(client) {
  counts.reloads++;
  client.isBusy = true;
  client.socket.disconnect();
  await pause(RELOAD_MS);
  client.socket = await connect(client);
  client.isBusy = false;
}

async function ask({ socket }) {
  counts.requests++;
  const room = random.pick(ROOMS);
  await random.pick([
    () => socket.emitWithAck('room:join', { room }),
    () => socket.emitWithAck('room:emit', { room, event: 'line', args: ['hello'] }),
    () => socket.emitWithAck('room:members', { room, limit: 10 }),
    () => socket.emitWithAck('socket:info'),
  ])();
}

/** To somebody who is there: that nobody was is a true finding. */
async function publish({ user, room }) {
  counts.publications++;
  const to = random.pick([{ rooms: [room] }, { users: [user] }]);
  const { id } = await api('POST', '/v1/emit', { to, event: 'news', data: 'x'.repeat(200) });
  if (publications.length < 200) publications.push({ id, user });
}

/** Of a client that is not just about to reload. */
async function question(client) {
  client.isBusy = true;
  const body = { to: { sockets: [client.socket.id] }, event: 'question', ack: { timeoutMs: 30_000 } };
  const { responses } = await api('POST', '/v1/emit', body);
  counts.acknowledged += responses.length;
  client.isBusy = false;
}

async function step() {
  const client = random.pick(clients.filter(({ isBusy }) => !isBusy));
  if (!client) return;
  await random.weighted([
    [1, () => reload(client)],
    [6, () => ask(client)],
    [3, () => publish(client)],
    [1, () => question(client)],
  ])();
}

async function everyoneConnects() {
  const users = Array.from({ length: wantedClients }, (_, index) => `user-${index}`);
  while (users.length > 0) {
    const some = users.splice(0, CONNECTING_AT_ONCE);
    await Promise.all(
      some.map(async (user) => {
        const client = { user, room: random.pick(ROOMS), isBusy: false };
        client.socket = await connect(client);
        clients.push(client);
      }),
    );
  }
}

async function live() {
  const until = performance.now() + lastsMs;
  const open = new Set();
  while (performance.now() < until && gateway.isRunning) {
    const running = step().catch((error) => problems.push(`a step failed: ${error.message}`));
    open.add(running);
    void running.finally(() => open.delete(running));
    await pause(STEP_MS);
  }
  await Promise.all(open);
}

/** It sends more than one message may have, and is cut off. */
async function fallSick({ socket }) {
  const back = new Promise((resolve) => socket.once('disconnect', () => socket.once('connect', resolve)));
  socket.emit('line', 'x'.repeat(TOO_LARGE_BYTES));
  await back;
}

async function explained(query) {
  const { findings } = await api('GET', `/v1/explain?${query}`);
  if (!Array.isArray(findings)) return problems.push(`${query} was not explained`);
  for (const { id, confidence, because } of findings) {
    if (confidence !== 'possible') problems.push(`${query}: ${confidence} ${id}: ${because.join('; ')}`);
  }
}

process.stdout.write(`seed ${values.seed}\n`);
await everyoneConnects();
for (const client of clients.slice(0, Number(values.sick))) await fallSick(client);
await live();
for (const { user } of clients) await explained(`user=${user}`);
for (const { id, user } of publications) await explained(`publication=${id}&user=${user}`);
await explained('address=127.0.0.1');
for (const { socket } of clients) socket.disconnect();
const exit = await gateway.stop();
if (exit !== 0) problems.push(`the gateway ended with ${exit}`);

for (const problem of problems.slice(0, 20)) process.stderr.write(`PROBLEM ${problem}\n`);
const done = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
process.stdout.write(`${clients.length} clients, ${done.join(', ')}, ${problems.length} problems\n`);
process.exit(problems.length === 0 ? 0 : 1);
