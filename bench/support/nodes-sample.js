import { join } from 'node:path';
import { Child } from './child.js';
import { RedisServer } from './redis-server.js';
import { fileOf, peerFileOf } from './sample.js';

/**
 * What a scenario of many nodes works with.
 *
 * @typedef {object} NodesContext
 * @property {Child} a the node that publishes and is asked
 * @property {Child} b another one
 * @property {Child} load the clients
 * @property {{ a: Target, b: Target }} targets where the clients find them
 * @property {RedisServer} redis
 * @property {boolean} quick
 * @property {number} connections how many the scenario opens at once
 * @property {(work: () => Promise<unknown>) => Promise<Cpu>} cpuMicrosOf
 *   CPU, user and system, that the work took on each side; all nodes are in `all`
 *
 * @typedef {{ port: number, protocol: 'socket.io', secured: boolean }} Target
 * @typedef {{ a: number, b: number, redis: number, all: number }} Cpu
 */

/**
 * One sample of two nodes or more: a new Redis, new servers, a new load generator, the scenario once.
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
  const nodes = Array.from(
    { length: scenario.nodeCount ?? 2 },
    (_, index) => new Child(peerFileOf(peerName, options), join(logFolder, `${peerName}-${index}.log`)),
  );
  const [a, b, ...others] = nodes;
  const load = new Child(fileOf('load.js'), join(logFolder, 'load.log'));
  if (!a || !b) throw new Error('unreachable');
  try {
    const ready = { secured, history: scenario.history, redisUrl: redis.url };
    // One after the other: the second finds the first.
    const [{ port: portOfA }, { port: portOfB }] = [
      await a.call('ready', ready),
      await b.call('ready', ready),
    ];
    for (const other of others) await other.call('ready', ready);
    const target = /** @type {const} */ ({ protocol: 'socket.io', secured });
    const cpuOf = async (/** @type {Child} */ node) => {
      const { user, system } = await node.call('cpu');
      return user + system;
    };
    const use = async () => ({
      a: await cpuOf(a),
      b: await cpuOf(b),
      others: (await Promise.all(others.map(cpuOf))).reduce((sum, micros) => sum + micros, 0),
      redis: (await redis.use()).cpuMicros,
    });
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
        const took = (/** @type {keyof typeof after} */ who) => after[who] - before[who];
        const cpu = { a: took('a'), b: took('b'), redis: took('redis') };
        return { ...cpu, all: cpu.a + cpu.b + took('others') + cpu.redis };
      },
    });
    await load.call('received', { count: 0 });
    return result;
  } finally {
    await Promise.all([...nodes.map((node) => node.end()), load.end(), redis.end()]);
  }
}
