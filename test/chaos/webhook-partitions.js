/**
 * Partitions of the outbox as they stand in Redis: who sends each, what it is at, and when that is tried again. [W6] [W8]
 *
 * A partition that is not drained either waits, because its first event has failed and its next attempt is not yet due, or
 * something is wrong with it, which is said by name: `no owner`, `dead owner`, or `stands still`.
 */
import { setTimeout as pause } from 'node:timers/promises';

const PREFIX = '{sb}:';
const PARTITIONS = [...'0123456789abcdef'];
const LOOK_EVERY_MS = 250;
/** An attempt that gets no answer takes 15 s; the rest is for a busy machine. */
const STILL_MS = 15_000 + 20_000;
const ERRORS_SHOWN = 5;
const SECOND_MS = 1_000;

export class Partitions {
  /** By ID of what failed and was not delivered since: its last attempt, and the last errors. */
  attempts = new Map();
  /** By partition: its owner and how far it was when that was last seen to change, and when that was. */
  moved = new Map();
  /** How often an event failed for the n-th time, and held its partition up until the next attempt. */
  waits = [];
  /** What was there at the last look. */
  seen = new Set();
  isWatching = true;

  /**
   * @param {import('./redis-process.js').RedisProcess} redis
   * @param {string} endpoint
   * @param {number} leaseMs
   */
  constructor(redis, endpoint, leaseMs) {
    this.redis = redis;
    this.endpoint = endpoint;
    this.leaseMs = leaseMs;
    this.watching = this.watch();
  }

  async end() {
    this.isWatching = false;
    await this.watching;
  }

  /** Only the last attempts are kept: they are read as they come. While Redis is away there are none. */
  async watch() {
    while (this.isWatching) {
      await this.readAttempts().catch(() => undefined);
      await pause(LOOK_EVERY_MS);
    }
  }

  async readAttempts() {
    const texts = await this.redis.ask((client) => client.lrange(`${PREFIX}eva:${this.endpoint}`, 0, -1));
    for (const text of texts.toReversed()) if (!this.seen.has(text)) this.take(JSON.parse(text));
    this.seen = new Set(texts);
  }

  take({ id, at, node, attempt, outcome, error, retryInMs }) {
    const known = this.attempts.get(id);
    if (outcome === 'delivered') {
      this.attempts.delete(id);
      return;
    }
    this.waits[attempt - 1] = (this.waits[attempt - 1] ?? 0) + 1;
    const errors = [...(known?.errors ?? []), `${at} ${error}`].slice(-ERRORS_SHOWN);
    this.attempts.set(id, { at: Date.parse(at), node, attempt, nextAt: Date.parse(at) + retryInMs, errors });
  }

  /** Those that are not drained. Rejects while Redis is away. */
  async open() {
    await this.readAttempts();
    return this.redis.ask(async (client) => {
      const owners = await client.hgetall(`${PREFIX}evo`);
      const delivered = await client.hgetall(`${PREFIX}evc:${this.endpoint}`);
      const epoch = await client.hget(`${PREFIX}state`, 'e');
      const open = [];
      for (const partition of PARTITIONS) {
        const upTo = Number(delivered[partition] ?? 0);
        const [head] = await client.xrange(`${PREFIX}ev:${partition}`, `(1-${upTo}`, '+', 'COUNT', 1);
        const [newest] = await client.xrevrange(`${PREFIX}ev:${partition}`, '+', '-', 'COUNT', 1);
        const owner = owners[partition];
        const sinceMs = this.stillFor(partition, `${epoch} ${owner} ${upTo}`);
        if (head === undefined) continue;
        const lapses = owner === undefined ? 0 : Number(await client.zscore(`${PREFIX}nodes`, owner));
        const leaseMs = lapses - Date.now();
        open.push(this.described({ epoch, partition, owner, leaseMs, upTo, head, newest, sinceMs }));
      }
      return open;
    });
  }

  stillFor(partition, mark) {
    if (this.moved.get(partition)?.mark !== mark) this.moved.set(partition, { mark, at: Date.now() });
    return Date.now() - this.moved.get(partition).at;
  }

  described({ epoch, partition, owner, leaseMs, upTo, head: [headId, [, text]], newest, sinceMs }) {
    const seq = Number(headId.slice(2));
    const attempt = this.attempts.get(`evt_${epoch}_${partition}_${seq}`);
    const { t: type, k: key, at } = JSON.parse(text);
    const waits = Number(newest[0].slice(2)) - upTo;
    const dueInMs = attempt === undefined ? 0 : attempt.nextAt - Date.now();
    const trouble = troubleOf({ owner, leaseMs, dueInMs, sinceMs, ownLeaseMs: this.leaseMs });
    return { partition, owner, leaseMs, upTo, waits, seq, type, key, at, attempt, dueInMs, sinceMs, trouble };
  }
}

function troubleOf({ owner, leaseMs, dueInMs, sinceMs, ownLeaseMs }) {
  const isLong = sinceMs > STILL_MS;
  if (owner === undefined) return isLong ? 'no owner' : undefined;
  if (leaseMs < -ownLeaseMs - STILL_MS) return 'dead owner';
  return isLong && dueInMs < -STILL_MS ? 'stands still' : undefined;
}

const seconds = (ms) => `${(ms / SECOND_MS).toFixed(1)} s`;

/** What an operator of the run wants to know of one that is not drained. */
export function describe(open) {
  const { partition, owner, leaseMs, upTo, waits, seq, type, key, at, attempt, dueInMs, sinceMs, trouble } =
    open;
  const lines = [
    `partition ${partition}: ${trouble ?? 'waits'}; ${waits} events behind ${upTo}, unchanged for ${seconds(sinceMs)}`,
    `  sent by ${owner === undefined ? 'nobody' : `${owner}, whose lease lasts ${seconds(leaseMs)} more`}`,
    `  first event ${seq}: ${type} of ${key}, written ${new Date(at).toISOString()}`,
  ];
  if (attempt === undefined) return [...lines, '  no attempt of it is known to have failed'];
  const due = dueInMs > 0 ? `next in ${seconds(dueInMs)}` : `next was due ${seconds(-dueInMs)} ago`;
  return [
    ...lines,
    `  ${attempt.attempt} attempts, the last by ${attempt.node}; ${due}`,
    ...attempt.errors.map((error) => `    ${error}`),
  ];
}
