/** What befalls nodes, Redis and the network, by chance, and when it did. */
import { setTimeout as pause } from 'node:timers/promises';

const CHOICES = [
  [3, 'killNode'],
  [2, 'hangNode'],
  [2, 'pauseNode'],
  [3, 'cutRedis'],
  [3, 'pauseRedis'],
  [4, 'cutClients'],
];
/** So often everything is let come to rest. */
const PEACE_AFTER = 8;
const REDIS_LOST = [1, 'loseRedis'];
/** After this long without trouble every node has found its way back. */
const QUIET_AFTER_MS = 4_000;

export class Faults {
  counts = {};
  /** `{ kind, from, to }`; `to` is undefined while it lasts. */
  log = [];
  isOver = false;

  /**
   * @param {import('./cluster.js').Cluster} cluster
   * @param {{ random: import('../fuzz/random.js').Random, leaseMs: number, losesRedis: boolean }} options
   */
  constructor(cluster, options) {
    this.cluster = cluster;
    this.options = options;
    this.choices = options.losesRedis ? [...CHOICES, REDIS_LOST] : CHOICES;
    for (const [, kind] of this.choices) this.counts[kind] = 0;
  }

  /**
   * Lets things happen until a moment, and then waits for the last of them to be over.
   *
   * @param {() => Promise<void>} onPeace called now and then, when all that happened is over
   */
  async run(until, onPeace) {
    const { random } = this.options;
    const under = new Set();
    let next = this.options.losesRedis ? 'loseRedis' : random.weighted(this.choices);
    for (let strikes = 1; performance.now() < until; strikes++) {
      await pause(random.int(300, 5_000));
      const happening = this.strike(next).finally(() => under.delete(happening));
      next = random.weighted(this.choices);
      under.add(happening);
      if (strikes % PEACE_AFTER > 0) continue;
      await Promise.all(under);
      await onPeace();
    }
    await Promise.all(under);
    this.isOver = true;
  }

  /** Whether nothing has gone on with shared state for a while. */
  get isQuiet() {
    const now = performance.now();
    return this.log.every(
      ({ kind, to }) => kind === 'cutClients' || (to !== undefined && now - to > QUIET_AFTER_MS),
    );
  }

  /** Whether shared state was in trouble at any moment between two, of a kind. */
  wereThere(from, to, kinds) {
    return this.log.some(
      (fault) => kinds.includes(fault.kind) && fault.from <= to && (fault.to ?? Infinity) >= from,
    );
  }

  async strike(kind) {
    const fault = { kind, from: performance.now() };
    const isDone = await this[kind](() => this.log.push(fault));
    fault.to = performance.now();
    if (isDone) this.counts[kind]++;
  }

  /** One that may be taken away: another one has to stay. */
  victim() {
    const usable = this.cluster.running.filter(({ isPaused, isDraining }) => !isPaused && !isDraining);
    return usable.length < 2 ? undefined : this.options.random.pick(usable);
  }

  async killNode(begin) {
    const slot = this.victim();
    if (!slot) return false;
    begin();
    await this.cluster.kill(slot);
    await pause(this.options.random.int(0, 4_000));
    await this.cluster.run(slot);
    return true;
  }

  /** For longer than its lease: others take it for dead. */
  hangNode(begin) {
    const { random, leaseMs } = this.options;
    return this.pauseFor(begin, random.int(leaseMs + 1_000, leaseMs + 4_000));
  }

  pauseNode(begin) {
    return this.pauseFor(begin, this.options.random.int(100, 1_500));
  }

  async pauseFor(begin, ms) {
    const slot = this.victim();
    if (!slot) return false;
    begin();
    this.cluster.pause(slot);
    await pause(ms);
    this.cluster.resume(slot);
    return true;
  }

  async cutRedis(begin) {
    if (this.isRedisAway) return false;
    begin();
    await this.cluster.redis.cutConnections();
    return true;
  }

  async pauseRedis(begin) {
    if (this.isRedisAway) return false;
    begin();
    this.isRedisAway = true;
    this.cluster.redis.pause();
    await pause(this.options.random.int(100, 5_000));
    this.cluster.redis.resume();
    this.isRedisAway = false;
    return true;
  }

  /** It dies with all it holds, and comes back empty. */
  async loseRedis(begin) {
    if (this.isRedisAway) return false;
    begin();
    this.isRedisAway = true;
    await this.cluster.redis.kill();
    await pause(this.options.random.int(0, 2_000));
    await this.cluster.redis.run();
    this.isRedisAway = false;
    return true;
  }

  async cutClients(begin) {
    const { random } = this.options;
    begin();
    const share = random.next() / 2;
    this.cluster.balancer.cut(() => random.chance(share));
    return true;
  }
}
