/** A TCP proxy between clients and gateways that fails in the ways networks do. */
import { connect, createServer } from 'node:net';
import { once } from 'node:events';

/** What can become of a connection, and how often beside the others. */
const STRIKES = [
  [4, 'cut'],
  [2, 'close'],
  [2, 'cutInFrame'],
  [3, 'abandon'],
  [1, 'vanish'],
  [2, 'stall'],
  [3, 'delay'],
];
const MAX_STALL_MS = 2_000;
const MAX_DELAY_MS = 500;

export class FlakyProxy {
  /** Connections of clients, whether their gateway's side is there still or not. */
  links = new Set();
  /** What was done to connections, by kind. */
  strikes = Object.fromEntries(STRIKES.map(([, kind]) => [kind, 0]));

  /** @param {import('../fuzz/random.js').Random} random */
  constructor(random, targets) {
    this.random = random;
    this.targets = targets.map((url) => new URL(url));
    this.server = createServer({ noDelay: true }, (client) => this.accept(client));
  }

  /** @param {string[]} targets base URLs; every connection goes to one of them by chance */
  static async listen(random, targets) {
    const proxy = new FlakyProxy(random, targets);
    proxy.server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url() {
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  /** Something happens to one connection. */
  strike(link) {
    const kind = this.random.weighted(STRIKES);
    this.strikes[kind]++;
    if (kind === 'stall') link.stall(this.random.int(0, MAX_STALL_MS));
    else if (kind === 'delay') link.delay(this.random.int(10, MAX_DELAY_MS));
    else link[kind]();
  }

  /** Connections that a client may still think it has. */
  get living() {
    return [...this.links].filter(({ isDoomed }) => !isDoomed);
  }

  /** Those that are stalled for good end now, so that nobody waits for a timeout. */
  heal() {
    for (const link of this.links) if (link.isDoomed) link.cut();
  }

  async close() {
    for (const link of this.links) link.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  accept(client) {
    const { hostname: host, port } = this.random.pick(this.targets);
    const gateway = connect({ host, port: Number(port), noDelay: true });
    const link = new Link(client, gateway);
    this.links.add(link);
    client.once('close', () => this.links.delete(link));
  }
}

/** One that is not yet connected cannot be reset. */
function reset(tcp) {
  if (tcp.connecting) tcp.destroy();
  else tcp.resetAndDestroy();
}

/** One client's connection: two TCP connections and what passes between them. */
class Link {
  /** It is not to be struck again: its end is under way. */
  isDoomed = false;
  /** What has come in while nothing may pass; `undefined` while all may. */
  held;
  isCuttingInFrame = false;

  constructor(client, gateway) {
    this.client = client;
    this.gateway = gateway;
    this.pipe(client, gateway);
    this.pipe(gateway, client);
  }

  /** Both sides are reset, as by a box in between that lost its state. */
  cut() {
    this.isDoomed = true;
    clearTimeout(this.timer);
    reset(this.client);
    reset(this.gateway);
  }

  /** Both sides end in order, but without a goodbye of the protocol. */
  close() {
    this.isDoomed = true;
    this.client.end();
    this.gateway.end();
  }

  /** The next thing that the gateway says arrives by half. */
  cutInFrame() {
    this.isDoomed = true;
    this.isCuttingInFrame = true;
  }

  /** The client knows that it lost its connection, the gateway does not. */
  abandon() {
    this.isDoomed = true;
    reset(this.client);
  }

  /** The gateway knows that it lost its connection, the client does not. */
  vanish() {
    this.isDoomed = true;
    reset(this.gateway);
  }

  /** Nothing passes any longer, and then it breaks. */
  stall(ms) {
    this.isDoomed = true;
    this.held ??= [];
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.cut(), ms);
  }

  /** Nothing passes for a while, and then all of it at once. */
  delay(ms) {
    if (this.held) return;
    this.held = [];
    this.timer = setTimeout(() => {
      const { held } = this;
      this.held = undefined;
      for (const [to, chunk] of held) to.write(chunk);
    }, ms);
  }

  pipe(from, to) {
    from.on('data', (chunk) => this.pass(chunk, to));
    // A reset is what this is for: `close` follows.
    from.on('error', () => {});
    from.once('close', () => {
      if (this.isDoomed) return;
      this.isDoomed = true;
      to.end();
    });
  }

  pass(chunk, to) {
    if (to.destroyed || to.writableEnded) return;
    if (this.held) this.held.push([to, chunk]);
    else if (this.isCuttingInFrame && to === this.client) {
      to.write(chunk.subarray(0, chunk.length >> 1), () => this.cut());
      this.isCuttingInFrame = false;
    } else to.write(chunk);
  }
}
