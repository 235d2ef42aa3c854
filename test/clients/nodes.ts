/** The gateway as clients of other languages meet it: secured, behind a balancer, one node or two with Redis. */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { TestRedis } from '../support/redis.js';
import { ServiceProcess } from '../support/service-process.js';
import { SECRET } from '../support/tokens.js';
import { StickyFront } from './front.js';

export type Setting = 'memory' | 'redis';

interface Node {
  readonly service: ServiceProcess;
  readonly url: string;
}

const KEY = 'key-of-the-backend-under-test';

const ASKS = 10;
const BACKOFF_MS = 1_000;

/** What is sent in one message is 2 MB, and publishers send faster than any client reads. */
const ENV: Readonly<Record<string, string>> = {
  SWITCHBOARD_JWT_SECRET: SECRET,
  SWITCHBOARD_API_KEYS: `app:${createHash('sha256').update(KEY).digest('hex')}:read+emit+manage`,
  SWITCHBOARD_HISTORY: 'chat:*=100/1h',
  SWITCHBOARD_MAX_PAYLOAD_BYTES: '4000000',
  SWITCHBOARD_MAX_BUFFERED_BYTES: '16000000',
  SWITCHBOARD_DRAIN_WINDOW_MS: '1000',
  SWITCHBOARD_LOG_LEVEL: 'info',
};

export class Nodes {
  /** The node that clients come to, and the one that the backend asks: another one where there are two. */
  private serving!: Node;
  private asked!: Node;

  private constructor(
    private readonly front: StickyFront,
    private readonly redis: TestRedis | undefined,
  ) {}

  static async start(setting: Setting): Promise<Nodes> {
    const redis = setting === 'redis' ? await TestRedis.start() : undefined;
    const nodes = new Nodes(await StickyFront.start(), redis);
    nodes.serving = await nodes.startNode();
    nodes.asked = redis ? await nodes.startNode() : nodes.serving;
    nodes.front.sendTo(nodes.serving.url);
    return nodes;
  }

  /** For clients. */
  get url(): string {
    return this.front.url;
  }

  /** Whether another node knows what the one that ends knew. */
  get areShared(): boolean {
    return this.redis !== undefined;
  }

  /** Ends the node that clients are on; they find another. Resolves with what resolves when it has ended. */
  async replace(signal: 'SIGTERM' | 'SIGKILL'): Promise<() => Promise<void>> {
    const old = this.serving;
    const next = await this.startNode();
    this.serving = this.redis ? this.asked : next;
    this.asked = next;
    this.front.sendTo(this.serving.url);
    if (signal === 'SIGKILL') this.front.markGone(old.url);
    old.service.signal(signal);
    return async () => {
      await old.service.ended;
      this.front.markGone(old.url);
    };
  }

  /** As a backend, which asks again what a busy Redis did not answer in time; its key keeps it from taking effect twice. */
  async ask<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    const headers = {
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
      ...(method === 'POST' ? { 'idempotency-key': randomUUID() } : {}),
    };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    for (let left = ASKS; ; left -= 1) {
      const answer = await fetch(`${this.asked.url}${path}`, init);
      const text = await answer.text();
      if (answer.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
      if (answer.status !== 503 || left === 1) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      await pause(BACKOFF_MS);
    }
  }

  async close(): Promise<void> {
    this.front.close();
    for (const { service } of new Set([this.serving, this.asked])) {
      service.signal('SIGKILL');
      await service.ended;
    }
    await this.redis?.kill();
  }

  private startNode(): Promise<Node> {
    return ServiceProcess.start({ ...ENV, ...(this.redis ? { SWITCHBOARD_REDIS_URL: this.redis.url } : {}) });
  }
}
