/**
 * Clients come and go under load, for a long time, and afterwards nothing of them is left.
 *
 *     npm run soak -- --minutes 30
 *
 * After a warm-up the gateway is left alone until its memory is measured; then clients connect, join, send, are sent
 * to and leave in every way there is, and half of those that can lose their connections and come back to their sessions;
 * then it is left alone and measured again. Resident memory has to be within 10 %
 * of the first measure, and the registry has to hold exactly who stayed. Exits with 1 otherwise.
 */
import { createRequire } from 'node:module';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { io } from 'socket.io-client';
import { Random } from '../fuzz/random.js';
import { startGatewayProcess } from '../support/gateway-process.js';

const io2 = createRequire(import.meta.url)('socket.io-client-v2');

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    clients: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(randomBytes(4).readUInt32BE()) },
    /** Another build of the gateway. */
    gateway: { type: 'string' },
  },
});
const churnMs = Number(values.minutes) * 60_000;
const wantedClients = Number(values.clients);
const random = new Random(Number(values.seed));

const MAX_GROWTH = 1.1;
/** The heap of a young process grows to its working size whatever the program does. */
const WARM_UP_MS = Math.min(60_000, churnMs / 2);
/** Until sessions of clients that vanished have timed out and the collector had its turn. */
const SETTLE_TIMEOUT_MS = 90_000;
/** Until the last session and the last history have run out. */
const KEPT_MS = 22_000;
const STEP_MS = 10;
const STAYERS = 10;
const MAX_EVENTS_PER_STEP = 4;
const REQUEST_TIMEOUT_MS = 20_000;
const MB = 2 ** 20;

const ENV = {
  SWITCHBOARD_LOG_LEVEL: 'info',
  SWITCHBOARD_PING_INTERVAL_MS: '2000',
  SWITCHBOARD_PING_TIMEOUT_MS: '8000',
  SWITCHBOARD_MAX_SOCKETS_PER_USER: '0',
  // Short enough that nothing is left of it when memory is measured.
  SWITCHBOARD_HISTORY: 'room-1*=100/20s,room-2*=5/5s',
  SWITCHBOARD_RECOVERY_WINDOW_MS: '10000',
};
const ROOMS = Array.from({ length: 40 }, (_, index) => `room-${index}`);
const USERS = Array.from({ length: 100 }, (_, index) => `user-${index}`);
const WAYS = [
  { version: 4, transports: ['websocket'] },
  { version: 4, transports: ['polling'] },
  { version: 4, transports: ['polling', 'websocket'] },
  { version: 2, transports: ['websocket'] },
  { version: 2, transports: ['polling', 'websocket'] },
];

/** A client, with the rooms that it knows to be in. */
class Client {
  rooms = new Set();
  waiting = new Set();

  constructor(url, user) {
    const { version, transports } = random.pick(WAYS);
    this.recovers = version === 4 && random.chance(0.5);
    const options = { transports, forceNew: true, reconnection: this.recovers, reconnectionDelay: 50 };
    this.user = user;
    this.socket =
      version === 2
        ? io2(url, { ...options, query: { user } })
        : io(url, { ...options, auth: { user, recovery: this.recovers } });
    this.gone = new Promise((resolve) => (this.isOver = resolve));
    const connected = new Promise((resolve) => this.socket.on('connect', () => resolve(true)));
    this.socket.on('connect_error', () => this.recovers || this.end());
    this.socket.on('disconnect', (reason) => this.lost(reason));
    this.connected = Promise.race([connected, this.gone]);
  }

  /** Its connection is gone: for good, unless it recovers. */
  lost(reason) {
    for (const settle of this.waiting) settle();
    if (!this.recovers || this.isGone || reason.startsWith('io ')) return this.end();
    this.socket.once('connect', () => (this.socket.recovered ? this.onRecovered?.() : this.onForgotten?.()));
  }

  /** Whatever waits for an answer need not wait any longer. */
  end() {
    this.isGone = true;
    for (const settle of this.waiting) settle();
    this.isOver();
  }

  /** Resolves when it is answered, or with undefined when the connection goes before that. */
  request(event, payload) {
    return new Promise((resolve) => {
      const settle = (answer) => {
        this.waiting.delete(settle);
        resolve(answer);
      };
      this.waiting.add(settle);
      if (this.isGone || !this.socket.connected) settle();
      else this.socket.emit(event, ...(payload ? [payload] : []), settle);
    });
  }

  async join(room) {
    const answer = await this.request('room:join', { room, presence: random.chance(0.3) });
    if (answer?.ok) this.rooms.add(room);
  }

  /** Politely, or as a network does. */
  leave() {
    this.end();
    if (random.chance(0.5)) return this.socket.close();
    this.socket.io.reconnection(false);
    this.socket.io.engine.close();
  }

  /**
   * As a network does, and its client comes back. One that is still on its way back is left alone: closed in that state,
   * the client's own connection waits 20 s before it tries again, twice as long as sessions are kept here.
   */
  break() {
    if (this.socket.connected) this.socket.io.engine.close();
  }
}

class Soak {
  clients = new Set();
  counts = { connected: 0, left: 0, ended: 0, recovered: 0, requests: 0, publications: 0 };
  problems = [];

  constructor(gateway) {
    this.gateway = gateway;
  }

  get url() {
    return this.gateway.url;
  }

  async connect(user = random.pick(USERS)) {
    const client = new Client(this.url, user);
    if (!(await client.connected)) return undefined;
    this.clients.add(client);
    this.counts.connected++;
    client.onRecovered = () => this.counts.recovered++;
    client.onForgotten = () => this.clients.has(client) && this.problems.push('a client was not recovered');
    return client;
  }

  /** Does a little of everything until the time is over. */
  async churn(durationMs) {
    const until = performance.now() + durationMs;
    const open = new Set();
    const start = (work) => {
      const running = work.catch((error) => this.problems.push(String(error.cause ?? error)));
      open.add(running);
      void running.finally(() => open.delete(running));
    };
    while (performance.now() < until && this.gateway.isRunning) {
      for (let event = random.int(1, MAX_EVENTS_PER_STEP); event > 0; event--) start(this.step());
      await pause(STEP_MS);
    }
    await Promise.all(open);
  }

  async step() {
    const client = random.pick([...this.clients]);
    if (!client || this.clients.size < wantedClients * (0.5 + random.next() / 2)) {
      const joiner = await this.connect();
      if (joiner) await joiner.join(random.pick(ROOMS));
      return;
    }
    await random.weighted([
      [3, () => this.leave(client)],
      [1, () => this.end(client)],
      [3, () => client.recovers && client.break()],
      [4, () => this.ask(client)],
      [4, () => this.publish()],
      [
        1,
        () =>
          this.api('GET', random.pick(['/v1/stats', '/v1/rooms?limit=5', '/v1/users?limit=5', '/metrics'])),
      ],
    ])();
  }

  async leave(client) {
    this.clients.delete(client);
    this.counts.left++;
    client.leave();
  }

  async end(client) {
    this.clients.delete(client);
    this.counts.ended++;
    const { id } = client.socket;
    if (id) await this.api('DELETE', `/v1/sockets/${id}?reconnect=${random.chance(0.5)}`);
    client.end();
    client.socket.close();
  }

  async ask(client) {
    this.counts.requests++;
    const room = random.pick(ROOMS);
    await random.pick([
      () => client.join(room),
      () => client.request('room:emit', { room, event: 'talk', args: ['x'.repeat(random.int(1, 2000))] }),
      () => client.request('room:members', { room }),
      () => client.request('room:history', { room, limit: 10 }),
      () => client.request('socket:info'),
      () => client.request('no:such:event', {}),
    ])();
  }

  publish() {
    this.counts.publications++;
    const to = random.pick([{ all: true }, { rooms: [random.pick(ROOMS)] }, { users: [random.pick(USERS)] }]);
    const body = { to, event: 'news', args: ['x'.repeat(random.pick([10, 200, 5000]))] };
    if (random.chance(0.1)) body.ack = { timeoutMs: 50 };
    return this.api('POST', '/v1/emit', body);
  }

  async api(method, path, body) {
    if (!this.gateway.isRunning) throw new Error(`the gateway has gone: ${this.gateway.exit}`);
    const response = await fetch(this.url + path, {
      method,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (response.status >= 500) this.problems.push(`${method} ${path}: ${response.status} ${text}`);
    return text.startsWith('{') ? JSON.parse(text) : undefined;
  }

  /** All but a few leave; resolves when the gateway has noticed. */
  async empty() {
    for (const client of this.clients) if (client.isGone) this.clients.delete(client);
    const gone = [...this.clients].filter(({ socket }) => !socket.connected);
    for (const client of gone) await this.leave(client);
    while (this.clients.size < STAYERS && this.gateway.isRunning) await this.connect();
    for (const client of [...this.clients].slice(STAYERS)) await this.leave(client);
    const until = performance.now() + SETTLE_TIMEOUT_MS;
    while (performance.now() < until) {
      const { sockets } = await this.api('GET', '/v1/stats');
      if (sockets <= STAYERS) break;
      await pause(500);
    }
  }

  /** The gateway's own gauges; they show what the registry does. */
  async gauges() {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const read = (name) => Number(new RegExp(`^switchboard_${name} (\\d+)$`, 'm').exec(text)?.[1]);
    return { sockets: read('sockets'), users: read('users'), rooms: read('rooms') };
  }

  /** What the registry says against what the clients know. */
  async compare(when) {
    const clients = [...this.clients];
    const wanted = {
      sockets: clients.length,
      users: new Set(clients.map(({ user }) => user)).size,
      rooms: new Set(clients.flatMap(({ rooms }) => [...rooms])).size,
    };
    const { sockets, users, rooms } = await this.api('GET', '/v1/stats');
    const got = { sockets, users, rooms };
    if (JSON.stringify(got) !== JSON.stringify(wanted)) {
      this.problems.push(`${when}: the registry has ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
    }
    const gauges = await this.gauges();
    if (JSON.stringify(gauges) !== JSON.stringify(wanted)) {
      this.problems.push(`${when}: the gauges say ${JSON.stringify(gauges)}, not ${JSON.stringify(wanted)}`);
    }
    for (const { socket, rooms: joined } of clients) {
      const entry = await this.api('GET', `/v1/sockets/${socket.id}`);
      if (entry?.rooms?.toSorted().join() !== [...joined].toSorted().join()) {
        this.problems.push(`${when}: ${socket.id} is in ${entry?.rooms}, not in ${[...joined]}`);
      }
    }
  }

  /** Resident memory after a full collection, when sessions and histories have run out; also of a heap that had no reason to shrink. */
  async measure() {
    await pause(KEPT_MS);
    this.gateway.child.kill(COLLECT_SIGNAL);
    await pause(3_000);
    return this.gateway.rssBytes();
  }
}

/** One that Nest does not take for the end, nor Node.js for something else. */
const COLLECT_SIGNAL = 'SIGWINCH';

/** The gateway collects its garbage when it is told to, so that what is left is what it holds on to. */
const COLLECTOR = `data:text/javascript,${encodeURIComponent(
  `process.on('${COLLECT_SIGNAL}', () => { for (let times = 0; times < 3; times++) globalThis.gc(); });`,
)}`;

const gateway = await startGatewayProcess({
  env: ENV,
  main: values.gateway,
  nodeOptions: ['--expose-gc', '--import', COLLECTOR],
});
const soak = new Soak(gateway);
const say = (text) => process.stdout.write(`${text}\n`);
say(`seed ${values.seed}, warming up for ${WARM_UP_MS / 1000} s`);
await soak.churn(WARM_UP_MS);
await soak.empty();
await soak.compare('after the warm-up');
const before = await soak.measure();
say(`RSS ${before} bytes; clients come and go for ${values.minutes} min`);
await soak.churn(churnMs);
const during = gateway.rssBytes();
await soak.empty();
await soak.compare('at the end');
const after = await soak.measure();
if (after > before * MAX_GROWTH) soak.problems.push(`RSS went from ${before} to ${after} bytes`);
for (const { socket } of soak.clients) socket.close();
const exit = await gateway.stop();
if (exit !== 0) soak.problems.push(`the gateway ended with ${exit}`);
soak.problems.push(...gateway.complaints.map((line) => `logged ${line}`));

for (const problem of soak.problems.slice(0, 20)) process.stderr.write(`PROBLEM ${problem}\n`);
const counts = Object.entries(soak.counts).map(([name, count]) => `${count} ${name}`);
const mb = (bytes) => (bytes / MB).toFixed(1);
process.stdout.write(
  `${values.minutes} minutes, seed ${values.seed}, ${counts.join(', ')}, ` +
    `RSS ${mb(before)} MB before, ${mb(during)} MB under load, ${mb(after)} MB after, ${soak.problems.length} problems\n`,
);
process.exit(soak.problems.length === 0 ? 0 : 1);
