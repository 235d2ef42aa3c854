/**
 * Clients lose their connections again and again while events are published to them, and miss none. [H4] [H5]
 *
 *     npm run jitter -- --clients 5000 --seconds 60 --seed 42
 *     npm run jitter -- --nodes http://127.0.0.1:3001,http://127.0.0.1:3002
 *
 * A proxy cuts, stalls, delays and abandons connections, each client's on average every `--every` seconds. At the end
 * every client has every publication that was for it, once and in order, and was recognised each time. Exits with 1
 * otherwise.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Random } from '../fuzz/random.js';
import { startGatewayProcess } from '../support/gateway-process.js';
import { PositionClient, SessionClient, StockClient } from './clients.js';
import { FlakyProxy } from './flaky-proxy.js';
import { Ledger } from './ledger.js';
import { Publisher } from './publisher.js';
import { renderResult } from './result.js';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(randomBytes(4).readUInt32BE()) },
    /** How often something happens to each client's connection, in seconds, on average. */
    every: { type: 'string', default: '15' },
    /** Gateways that run already, in place of one that is started here; with a history rule for `h-*`. */
    nodes: { type: 'string' },
    'api-key': { type: 'string' },
    'ping-ms': { type: 'string', default: '10000' },
    /** 0 shows that what is lost is found. */
    'recovery-window-ms': { type: 'string', default: '120000' },
    /** Another build of the gateway. */
    gateway: { type: 'string' },
  },
});
const count = Number(values.clients);
const seed = Number(values.seed);
const random = Random.of(seed, 0);

const MAX_STOCK_CLIENTS = 300;
const CLIENTS_PER_ROOM = 100;
const CLIENTS_PER_USER = 2;
const CONNECTING_AT_ONCE = 100;
const STRIKE_INTERVAL_MS = 20;
const WATCH_INTERVAL_MS = 500;
const CATCH_UP_TIMEOUT_MS = 60_000;

const ENV = {
  SWITCHBOARD_LOG_LEVEL: 'info',
  SWITCHBOARD_HISTORY: 'h-*=10000/10m',
  SWITCHBOARD_MAX_HISTORY_BYTES: String(256 * 2 ** 20),
  SWITCHBOARD_RECOVERY_WINDOW_MS: values['recovery-window-ms'],
  SWITCHBOARD_PING_INTERVAL_MS: values['ping-ms'],
  SWITCHBOARD_PING_TIMEOUT_MS: values['ping-ms'],
  SWITCHBOARD_MAX_SOCKETS_PER_USER: '0',
};

const roomCount = Math.max(2, Math.ceil(count / CLIENTS_PER_ROOM));
const numbered = (prefix, length) => Array.from({ length }, (_, index) => `${prefix}${index}`);
/** Rooms with a history and rooms without one; sessions do not depend on it, positions do. */
const keepingRooms = numbered('h-', Math.ceil(roomCount / 2));
const otherRooms = numbered('r-', Math.floor(roomCount / 2));
const users = numbered('user-', Math.ceil(count / CLIENTS_PER_USER));

/** Some hundreds are what most have, one in ten knows positions, all others are cheap. */
function createClient(world, index) {
  const user = users[Math.floor(index / CLIENTS_PER_USER)];
  if (index % 10 === 9) {
    const rooms = [keepingRooms[index % keepingRooms.length]];
    return new PositionClient(world, { index, user, rooms, streams: rooms, inTotalOrder: false });
  }
  const rooms = [keepingRooms[index % keepingRooms.length], otherRooms[index % otherRooms.length]];
  const streams = ['all', user, `socket-${index}`, ...rooms];
  const isStock = index % 10 === 0 && index / 10 < MAX_STOCK_CLIENTS;
  const Kind = isStock ? StockClient : SessionClient;
  return new Kind(world, { index, user, rooms, streams, inTotalOrder: true });
}

async function openAll(world) {
  const clients = [];
  for (let index = 0; index < count; index += CONNECTING_AT_ONCE) {
    const size = Math.min(CONNECTING_AT_ONCE, count - index);
    const few = Array.from({ length: size }, (_, nth) => createClient(world, index + nth));
    await Promise.all(few.map(({ ready }) => ready));
    clients.push(...few);
  }
  return clients;
}

/** Things happen to connections, so many as the average asks for. */
async function strikeFor(proxy, seconds) {
  const until = performance.now() + seconds * 1000;
  let last = performance.now();
  let due = 0;
  while (performance.now() < until) {
    await pause(STRIKE_INTERVAL_MS);
    const now = performance.now();
    due += (count * (now - last)) / 1000 / Number(values.every);
    last = now;
    const living = proxy.living;
    for (; due >= 1 && living.length > 0; due--) proxy.strike(random.pick(living));
  }
}

const gateway = values.nodes ? undefined : await startGatewayProcess({ env: ENV, main: values.gateway });
const urls = gateway ? [gateway.url] : values.nodes.split(',');
const proxy = await FlakyProxy.listen(Random.of(seed, 1), urls);
const ledger = new Ledger();
const world = { url: proxy.url, ledger, random: Random.of(seed, 2) };
const problems = [];
process.stdout.write(`seed ${seed}\n`);

const rss = { start: gateway?.rssBytes() };
const clients = await openAll(world);
rss.connected = gateway?.rssBytes();
const watch = setInterval(() => {
  const now = performance.now();
  for (const client of clients) client.watch(now);
}, WATCH_INTERVAL_MS);

const publisher = new Publisher({
  urls,
  apiKey: values['api-key'],
  random: Random.of(seed, 3),
  ledger,
  rooms: [...keepingRooms, ...otherRooms],
  users,
  clients: clients.filter((client) => !(client instanceof PositionClient)),
});
const over = new AbortController();
const publishing = publisher.run(over.signal);
await strikeFor(proxy, Number(values.seconds));
// The last ones are published with every kind of break still under way.
over.abort();
await publishing;
proxy.heal();
const catchUpUntil = performance.now() + CATCH_UP_TIMEOUT_MS;
while (performance.now() < catchUpUntil && !clients.every(({ isUpToDate }) => isUpToDate)) {
  if (
    clients.some(({ notRecovered }) => notRecovered > 0) &&
    clients.every(({ isConnected }) => isConnected)
  ) {
    // What was missed by one that was not recognised will not come.
    break;
  }
  await pause(50);
}
rss.end = gateway?.rssBytes();
clearInterval(watch);

const offline = clients.filter(({ isConnected }) => !isConnected).length;
if (offline > 0) problems.push(`${offline} clients did not come back`);
problems.push(...publisher.problems);
for (const client of clients) client.close();
await proxy.close();
if (gateway) {
  const exit = await gateway.stop();
  if (exit !== 0) problems.push(`the gateway ended with ${exit}`);
  problems.push(...gateway.complaints.map((line) => `logged ${line}`));
}

const { text, isPerfect } = renderResult({ ...values, seed, clients, publisher, proxy, rss, problems });
process.stdout.write(text);
process.exit(isPerfect ? 0 : 1);
