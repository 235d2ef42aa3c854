/** Where incidents happen: two nodes on a Redis of their own, clients with addresses of their own, networks between them. */
import { Agent } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { SignJWT } from 'jose';
import { io } from 'socket.io-client';
import { createApiKey } from '../../dist/access/dev-tools.js';
import { RedisProcess } from '../chaos/redis-process.js';
import { startGatewayProcess } from '../support/gateway-process.js';
import { Network } from './network.js';

const SECRET = 'the secret of the gateways in which incidents happen';

export const CHROME =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36';
export const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148';

export const PING_INTERVAL_MS = 7_000;
export const RECOVERY_WINDOW_MS = 15_000;
const REQUEST_TIMEOUT_MS = 60_000;

const SETTINGS = {
  SWITCHBOARD_JWT_SECRET: SECRET,
  SWITCHBOARD_PING_INTERVAL_MS: String(PING_INTERVAL_MS),
  SWITCHBOARD_PING_TIMEOUT_MS: '4000',
  SWITCHBOARD_RECOVERY_WINDOW_MS: String(RECOVERY_WINDOW_MS),
  SWITCHBOARD_NODE_LEASE_MS: '3000',
  SWITCHBOARD_DRAIN_WINDOW_MS: '500',
  SWITCHBOARD_MAX_SOCKETS_PER_USER: '5',
  SWITCHBOARD_CORS_ORIGINS: 'https://app.example',
  SWITCHBOARD_HISTORY: 'news:*=100/1h',
};

/** All rights in rooms of everybody. */
const EVERYTHING = [{ room: '*', allow: ['join', 'emit', 'presence', 'history'] }];

export class Stage {
  nodes = [];
  networks = [];
  clients = [];
  addresses = 0;

  static async open() {
    const stage = new Stage();
    stage.redis = await RedisProcess.start();
    const { key, entry } = createApiKey('operator', ['read', 'emit', 'manage', 'metrics']);
    stage.key = key;
    stage.settings = { ...SETTINGS, SWITCHBOARD_REDIS_URL: stage.redis.url, SWITCHBOARD_API_KEYS: entry };
    await stage.addNode();
    await stage.addNode();
    return stage;
  }

  /** One more node of the same gateway. */
  async addNode(settings = {}) {
    const node = await startGatewayProcess({ env: { ...this.settings, ...settings } });
    this.nodes.push(node);
    return node;
  }

  get url() {
    return this.nodes[0].url;
  }

  /** A network in front of a node, which can do harm. */
  async network(harm, node = this.nodes[0]) {
    const network = await Network.to(node.port, harm);
    this.networks.push(network);
    return network;
  }

  /** What a backend signs; `claims` overrule, `key` is another one's. Times are in seconds from now. */
  token(user, { expiresIn = 3_600, notBeforeIn, key = SECRET, caps = EVERYTHING } = {}) {
    const now = Date.now() / 1_000;
    const token = new SignJWT({ caps, ...(notBeforeIn === undefined ? {} : { nbf: now + notBeforeIn }) });
    return token
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(user)
      .setIssuedAt(now - 1)
      .setExpirationTime(now + expiresIn)
      .sign(Buffer.from(key));
  }

  /** Clients of different people have different addresses, all of this machine. */
  newAddress() {
    this.addresses += 1;
    return `127.0.${this.addresses >> 7}.${(this.addresses & 127) + 2}`;
  }

  /** A page or an app of a user; it connects by itself. The token `null` is none. `await client.isIn` if it is to get in. */
  async client(user, options = {}) {
    const {
      url = this.url,
      address = this.newAddress(),
      userAgent = CHROME,
      origin,
      auth,
      signing,
    } = options;
    const token = options.token === undefined ? await this.token(user, signing) : options.token;
    const client = io(url, {
      auth: { ...(token === null ? {} : { token }), ...auth },
      transports: options.transports ?? ['websocket'],
      reconnection: options.comesBack ?? false,
      reconnectionDelay: options.delayMs ?? 100,
      reconnectionDelayMax: options.delayMs ?? 1_000,
      forceNew: true,
      agent: new Agent({ localAddress: address, keepAlive: true }),
      extraHeaders: { 'user-agent': userAgent, ...(origin === undefined ? {} : { origin }) },
    });
    client.isIn = new Promise((resolve) => client.once('connect', resolve));
    client.isOut = new Promise((resolve) => client.once('connect_error', resolve));
    this.clients.push(client);
    return client;
  }

  /** The same, once it is in. */
  async connected(user, options) {
    const client = await this.client(user, options);
    await client.isIn;
    return client;
  }

  async api(method, path, body) {
    const response = await fetch(this.url + path, {
      method,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? {} : JSON.parse(text);
  }

  /** The ID of what was sent. */
  async emit(to, more = {}) {
    return (await this.api('POST', '/v1/emit', { to, event: 'news', data: 'hello', ...more })).id;
  }

  /** Until the registry says so. */
  async isGone(user) {
    while ((await this.api('GET', `/v1/users/${user}`)).sockets.length > 0) await pause(100);
  }

  async close() {
    for (const client of this.clients) client.disconnect();
    for (const network of this.networks) network.close();
    for (const { child } of this.nodes) child.kill('SIGCONT');
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.redis.kill();
  }
}
