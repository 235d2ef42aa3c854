/** Two nodes of two builds on one Redis, and what a backend asks them. */
import { createHash } from 'node:crypto';
import { RedisProcess } from '../chaos/redis-process.js';
import { startGatewayProcess } from '../support/gateway-process.js';
import { SECRET } from './client.js';
import { becomes, Different } from './expectations.js';

const KEY = 'sbk_of_a_backend_of_both';
export const LEASE_MS = 2_000;
export const WINDOW_MS = 6_000;
export const MAX_SOCKETS_PER_USER = 3;

const ENV = {
  SWITCHBOARD_LOG_LEVEL: 'info',
  SWITCHBOARD_JWT_SECRET: SECRET,
  SWITCHBOARD_API_KEYS: `backend:${createHash('sha256').update(KEY).digest('hex')}:read+emit+manage`,
  SWITCHBOARD_HISTORY: 'kept:*=100/10m,few:*=2/10m',
  SWITCHBOARD_NODE_LEASE_MS: String(LEASE_MS),
  SWITCHBOARD_RECOVERY_WINDOW_MS: String(WINDOW_MS),
  SWITCHBOARD_MAX_SOCKETS_PER_USER: String(MAX_SOCKETS_PER_USER),
  SWITCHBOARD_DRAIN_WINDOW_MS: '500',
};

/** A node and what a backend asks it. */
export class Node {
  /** @param {string} [main] what it runs, where that is an older build */
  constructor(name, main) {
    this.name = name;
    this.main = main;
  }

  get isOlder() {
    return this.main !== undefined;
  }

  async start(redis) {
    this.gateway = await startGatewayProcess({
      env: { ...ENV, SWITCHBOARD_REDIS_URL: redis.url },
      main: this.main,
    });
    process.once('exit', () => this.gateway.child.kill('SIGKILL'));
    await becomes(`${this.name} is ready`, () => this.status(), 200);
  }

  get url() {
    return this.gateway.url;
  }

  status() {
    return fetch(`${this.url}/health/ready`).then(
      ({ status }) => status,
      () => 0,
    );
  }

  async asked(method, path, body, headers = {}) {
    const response = await fetch(`${this.url}/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${KEY}`,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : undefined };
  }

  async ask(method, path, body, headers) {
    const { status, body: answer } = await this.asked(method, path, body, headers);
    if (status >= 300)
      throw new Different(`${this.name} answers ${method} ${path} ${status} ${JSON.stringify(answer)}`);
    return answer;
  }

  get(path) {
    return this.ask('GET', path);
  }

  emit(to, data, more = {}) {
    return this.ask('POST', '/emit', { to, event: 'told', data, ...more });
  }

  async kill() {
    this.gateway.child.kill('SIGKILL');
    await this.gateway.exited;
  }

  get complaints() {
    return this.gateway.complaints.map((line) => `${this.name}: ${line}`);
  }
}

/** Both on a Redis of their own. */
export class Stage {
  static async start(mains) {
    const stage = new Stage();
    stage.redis = await RedisProcess.start();
    stage.nodes = mains.map(({ name, main }) => new Node(name, main));
    await Promise.all(stage.nodes.map((node) => node.start(stage.redis)));
    return stage;
  }

  /** A case that failed leaves nobody dead. */
  async mend() {
    for (const node of this.nodes) if (!node.gateway.isRunning) await node.start(this.redis);
  }

  async close() {
    await Promise.all(this.nodes.map(({ gateway }) => gateway.stop()));
    await this.redis.kill();
  }
}
