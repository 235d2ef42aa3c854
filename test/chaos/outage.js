/**
 * Redis is gone for minutes, and the nodes go on delivering to their own without growing. [O3]
 *
 *     npm run outage -- --minutes 5 --clients 200 --rate 200
 *
 * Two nodes with half of the clients each. Numbers are published on both all the time, by HTTP. While Redis is away every
 * client has to get all that is published on its own node, in order; after it everybody gets everything again, no
 * connection has ended, and both nodes know everyone. Exits with 1 otherwise.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { io } from 'socket.io-client';
import { Random } from '../fuzz/random.js';
import { Cluster } from './cluster.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    clients: { type: 'string', default: '200' },
    /** Publications a second on each node. */
    rate: { type: 'string', default: '200' },
  },
});
const clientCount = Number(values.clients);
const rate = Number(values.rate);

const ROOM = 'everybody';
const EVENT = 'number';
const NODES = 2;
const TICK_MS = 20;
const SETTLE_MS = 5_000;
const NOTICED_WITHIN_MS = 10_000;
const WHOLE_WITHIN_MS = 60_000;

const ENV = {
  SWITCHBOARD_LOG_LEVEL: 'info',
  SWITCHBOARD_MAX_SOCKETS_PER_USER: '0',
  SWITCHBOARD_HISTORY: `${ROOM}=1000/10m`,
};

/** A client, and the last number that it got of each node. */
class Watcher {
  last = Array.from({ length: NODES }, () => 0);
  disordered = 0;
  disconnects = 0;

  constructor(url, node) {
    this.node = node;
    this.socket = io(url, {
      transports: ['websocket'],
      forceNew: true,
      auth: { user: `of-${node}`, recovery: true },
    });
    this.socket.on('disconnect', () => this.disconnects++);
    this.socket.on(EVENT, (from, number) => {
      if (number <= this.last[from]) this.disordered++;
      this.last[from] = number;
    });
  }

  async join() {
    await new Promise((resolve) => this.socket.once('connect', resolve));
    await this.socket.emitWithAck('room:join', { room: ROOM });
  }
}

/** Publishes numbers on one node, some at a time, and counts the answers. */
class Numbers {
  sent = 0;
  answers = {};

  constructor(url, node) {
    this.url = url;
    this.node = node;
  }

  async run(signal) {
    const started = performance.now();
    while (!signal.aborted) {
      const due = Math.floor(((performance.now() - started) / 1000) * rate);
      if (this.sent < due) await this.publish(due - this.sent);
      await pause(TICK_MS);
    }
  }

  async publish(count) {
    const commands = Array.from({ length: count }, () => ({
      emit: { to: { rooms: [ROOM] }, event: EVENT, args: [this.node, ++this.sent] },
    }));
    const response = await fetch(`${this.url}/v1/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ commands }),
    });
    for (const { ok, error } of (await response.json()).results) {
      const answer = ok ? 'accepted' : error.code;
      this.answers[answer] = (this.answers[answer] ?? 0) + 1;
    }
  }
}

/** Whether it came to be so in time. */
async function within(ms, isSo) {
  const until = performance.now() + ms;
  while (!(await isSo())) {
    if (performance.now() > until) return false;
    await pause(50);
  }
  return true;
}

const problems = [];
const expect = (state, isSo) => isSo || problems.push(state);

const cluster = await Cluster.start({ nodes: NODES, env: ENV, random: Random.of(1, 0) });
const gateways = cluster.running.map(({ gateway }) => gateway);
const rss = [];
const note = (when) => rss.push([when, ...gateways.map((gateway) => gateway.rssBytes())]);

const watchers = Array.from(
  { length: clientCount },
  (_, index) => new Watcher(gateways[index % NODES].url, index % NODES),
);
await Promise.all(watchers.map((watcher) => watcher.join()));
const publishers = gateways.map(({ url }, node) => new Numbers(url, node));
const over = new AbortController();
const publishing = publishers.map((publisher) => publisher.run(over.signal));
await pause(SETTLE_MS);
note('before');

const isReady = async (url) => (await fetch(`${url}/health/ready`)).ok;
const count = async (url) => (await (await fetch(`${url}/v1/stats`)).json()).sockets;

await cluster.redis.kill();
for (const { url } of gateways) {
  expect(
    'a node says that it is not ready',
    await within(NOTICED_WITHIN_MS, async () => !(await isReady(url))),
  );
}
const samples = Math.max(1, Math.round(Number(values.minutes) * 4));
for (let sample = 0; sample < samples; sample++) {
  await pause((Number(values.minutes) * 60_000) / samples);
  for (const { node } of publishers) {
    const own = watchers.filter((watcher) => watcher.node === node);
    const published = publishers[node].sent;
    expect(
      'clients get what is published on their node',
      await within(SETTLE_MS, () => own.every(({ last }) => last[node] >= published)),
    );
  }
  if (sample === 0) note('soon after Redis has gone');
}
note('at the end of the outage');
const duringOutage = publishers.map(({ answers }) => ({ ...answers }));

await cluster.redis.run();
for (const { url } of gateways) {
  expect('a node is ready again', await within(WHOLE_WITHIN_MS, () => isReady(url)));
  expect(
    'a node knows everyone',
    await within(WHOLE_WITHIN_MS, async () => (await count(url)) === clientCount),
  );
}
await pause(SETTLE_MS);
over.abort();
await Promise.all(publishing);
const isUpToDate = () =>
  watchers.every(({ last }) => publishers.every(({ node, sent }) => last[node] === sent));
expect('everybody gets everything again', await within(SETTLE_MS, isUpToDate));
note('after');

const sum = (of) => watchers.reduce((total, watcher) => total + of(watcher), 0);
expect('nothing comes twice or out of order', sum(({ disordered }) => disordered) === 0);
expect('no connection ends', sum(({ disconnects }) => disconnects) === 0);
for (const { socket } of watchers) socket.close();
await cluster.close();

const mb = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
const answered = (answers) =>
  Object.entries(answers)
    .map(([code, times]) => `${times} ${code}`)
    .join(', ');
process.stdout
  .write(`Redis away for ${values.minutes} min, ${clientCount} clients, ${rate} publications a second on each node
published         ${publishers.map(({ sent }) => sent).join(', ')}
answers until it was back  ${duringOutage.map(answered).join('; ')}
answers in all    ${publishers.map(({ answers }) => answered(answers)).join('; ')}
${rss.map(([when, ...bytes]) => `RSS ${when}: ${bytes.map(mb).join(', ')}`).join('\n')}
${[...new Set(problems)].map((problem) => `PROBLEM not so: ${problem}\n`).join('')}`);
process.exit(problems.length === 0 ? 0 : 1);
