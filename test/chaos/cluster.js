/** Nodes as processes, each in a slot in which the next one is started when it dies. */
import { setTimeout as pause } from 'node:timers/promises';
import { startGatewayProcess } from '../support/gateway-process.js';
import { Balancer } from './balancer.js';
import { RedisProcess } from './redis-process.js';

const READY_TIMEOUT_MS = 30_000;
/** How much longer than its drain window a node may take on a busy machine. */
const LATE_MS = 30_000;
const START_TRIES = 3;

/** A machine that is busy may take longer to start a process than is waited for; a gateway that cannot start never does. */
async function startAtLast(options) {
  for (let tries = 1; ; tries++) {
    try {
      return await startGatewayProcess(options);
    } catch (failure) {
      if (tries === START_TRIES) throw failure;
    }
  }
}

export class Cluster {
  /** @type {{ gateway?: object, isPaused: boolean, isDraining: boolean }[]} */
  slots = [];
  complaints = [];

  /** @param {() => string | undefined} main the file that the next node runs; without one this build */
  constructor(redis, env, random, main = () => undefined) {
    this.redis = redis;
    this.env = env;
    this.random = random;
    this.main = main;
  }

  /** @param {{ nodes: number, env: object, random: import('../fuzz/random.js').Random, main?: () => string | undefined, folder?: string }} options */
  static async start({ nodes, env, random, main, folder }) {
    const redis = await RedisProcess.start({ folder });
    process.setMaxListeners(0);
    const cluster = new Cluster(redis, { ...env, SWITCHBOARD_REDIS_URL: redis.url }, random, main);
    cluster.slots = Array.from({ length: nodes }, () => ({ isPaused: false, isDraining: false }));
    await Promise.all(cluster.slots.map((slot) => cluster.run(slot)));
    cluster.balancer = await Balancer.listen(() => cluster.portsByChance());
    await cluster.ready();
    return cluster;
  }

  /** Starts the next node of a slot. */
  async run(slot) {
    const gateway = await startAtLast({ env: this.env, main: this.main() });
    // Whatever ends this process, nothing stays behind.
    const end = () => gateway.child.kill('SIGKILL');
    process.once('exit', end);
    void gateway.exited.then(() => process.off('exit', end));
    slot.gateway = gateway;
    slot.isPaused = false;
    slot.isDraining = false;
  }

  async kill(slot) {
    const { gateway } = slot;
    slot.gateway = undefined;
    gateway.child.kill('SIGKILL');
    await gateway.exited;
    this.collect(gateway);
  }

  /** Asks a node to drain; resolves with how it ended, and then starts the next one. */
  async restart(slot, onDrained = () => {}) {
    const { gateway } = slot;
    slot.isDraining = true;
    const exit = await gateway.stop(Number(this.env.SWITCHBOARD_DRAIN_WINDOW_MS ?? 0) + LATE_MS);
    onDrained();
    this.collect(gateway);
    await this.run(slot);
    return exit;
  }

  pause(slot) {
    slot.isPaused = true;
    slot.gateway.child.kill('SIGSTOP');
  }

  resume(slot) {
    slot.isPaused = false;
    slot.gateway.child.kill('SIGCONT');
  }

  get running() {
    return this.slots.filter(({ gateway }) => gateway !== undefined);
  }

  /** Where publishing is tried: also at nodes that hang, as a backend would. */
  get urls() {
    return this.running.map(({ gateway }) => gateway.url);
  }

  portsByChance() {
    // A balancer soon knows which nodes hang or drain.
    const usable = this.running.filter(({ isPaused, isDraining }) => !isPaused && !isDraining);
    return usable.length === 0 ? [] : [this.random.pick(usable).gateway.port];
  }

  /** Resolves when every node says that it is ready. */
  async ready() {
    const until = Date.now() + READY_TIMEOUT_MS;
    for (const url of this.urls) {
      for (;;) {
        const status = await fetch(`${url}/health/ready`).then(
          (response) => response.status,
          () => 0,
        );
        if (status === 200) break;
        if (Date.now() > until) throw new Error(`a node does not become ready: ${status}`);
        await pause(50);
      }
    }
  }

  collect(gateway) {
    // What a node says of Redis being away is what it should say.
    this.complaints.push(
      ...gateway.complaints.filter((line) => !/"level":"error".*(shared state|engine|session)/is.test(line)),
    );
  }

  async close() {
    await this.balancer?.close();
    for (const { gateway, isPaused } of this.slots) {
      if (!gateway) continue;
      if (isPaused) gateway.child.kill('SIGCONT');
      await gateway.stop();
      this.collect(gateway);
    }
    this.redis.resume();
    await this.redis.kill();
  }
}
