import { join } from 'node:path';
import { Child } from './child.js';
import { RedisServer } from './redis-server.js';
import { fileOf, peerFileOf } from './sample.js';

/**
 * What a scenario of two nodes works with.
 *
 * @typedef {object} NodesContext
 * @property {Child} a the node that publishes and is asked
 * @property {Child} b the other one
 * @property {Child} load the clients
 * @property {{ a: Target, b: Target }} targets where the clients find them
 * @property {RedisServer} redis
 * @property {boolean} quick
 * @property {number} connections how many the scenario opens at once
 * @property {(work: () => Promise<unknown>) => Promise<Cpu>} cpuMicrosOf
 *   CPU, user and system, that the work took on each side
 *
 * @typedef {{ port: number, protocol: 'socket.io', secured: boolean }} Target
 * @typedef {{ a: number, b: number, redis: number, all: number }} Cpu
 */

/**
 * One sample of two nodes: a new Redis, two new servers, a new load generator, the scenario once.
 *
 * @param {import('../scenarios/index.js').NodesScenario} scenario
 * @param {string} peerName
 * @param {import('../scenarios/index.js').Options} options
 * @param {string} logFolder
 * @returns {Promise<Record<string, number>>}
 */
export async function takeNodesSample(scenario, peerName, options, logFolder) {
  const secured = scenario.secured ?? false;
  const redis = await RedisServer.start(join(logFolder, 'redis.log'));
  const [a, b] = ['a', 'b'].map(
    (name) => new Child(peerFileOf(peerName, options), join(logFolder, `${peerName}-${name}.log`)),
  );
  const load = new Child(fileOf('load.js'), join(logFolder, 'load.log'));
  if (!a || !b) throw new Error('unreachable');
  try {
    const ready = { secured, history: scenario.history, redisUrl: redis.url };
    // One after the other: the second finds the first.
    const [{ port: portOfA }, { port: portOfB }] = [
      await a.call('ready', ready),
      await b.call('ready', ready),
    ];
    const target = /** @type {const} */ ({ protocol: 'socket.io', secured });
    const use = async () => ({ a: await a.call('cpu'), b: await b.call('cpu'), redis: await redis.use() });
    const result = await scenario.run({
      a,
      b,
      load,
      redis,
      targets: { a: { ...target, port: portOfA }, b: { ...target, port: portOfB } },
      quick: options.quick,
      connections: scenario.connections(options),
      async cpuMicrosOf(work) {
        const before = await use();
        await work();
        const after = await use();
        const ofNode = (/** @type {'a' | 'b'} */ node) =>
          after[node].user - before[node].user + after[node].system - before[node].system;
        const cpu = { a: ofNode('a'), b: ofNode('b'), redis: after.redis.cpuMicros - before.redis.cpuMicros };
        return { ...cpu, all: cpu.a + cpu.b + cpu.redis };
      },
    });
    await load.call('received', { count: 0 });
    return result;
  } finally {
    await Promise.all([a.end(), b.end(), load.end(), redis.end()]);
  }
}
