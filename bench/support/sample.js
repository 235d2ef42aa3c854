import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './child.js';
import { OLDER } from './report.js';

/**
 * What a scenario works with.
 *
 * @typedef {object} Context
 * @property {Child} peer the server measured
 * @property {Child} load the clients
 * @property {{ port: number, protocol: 'socket.io' | 'ws', secured: boolean }} target
 * @property {string} infoEvent
 * @property {import('./message-ways.js').MessageWays} [messages] where services of Nest reach the server
 * @property {boolean} quick
 * @property {number} connections how many the scenario opens at once
 * @property {(count?: number) => Promise<string[]>} connect
 *   opens the scenario's connections, or so many more; gives the IDs of all open sockets
 * @property {(work: () => Promise<unknown>) => Promise<number>} cpuMicrosOf
 *   CPU, user and system, that the server's process took for the work
 */

/** @param {string} path */
export const fileOf = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/**
 * The program of a peer: an older build is served by what served it then.
 * @param {string} name
 * @param {import('../scenarios/index.js').Options} options
 */
export const peerFileOf = (name, { older }) =>
  older && name === OLDER ? join(older.folder, 'bench/peers/switchboard.js') : fileOf(`peers/${name}.js`);

/**
 * One sample: a new server, a new load generator, the scenario once. New processes, so that no sample inherits
 * the heap, the compiled code or the connections of the one before.
 *
 * @param {import('../scenarios/index.js').Scenario} scenario
 * @param {string} peerName
 * @param {import('../scenarios/index.js').Options} options
 * @param {string} logFolder
 * @returns {Promise<Record<string, number>>}
 */
export async function takeSample(scenario, peerName, options, logFolder) {
  const secured = scenario.secured ?? false;
  const peer = new Child(peerFileOf(peerName, options), join(logFolder, `${peerName}.log`));
  const load = new Child(fileOf('load.js'), join(logFolder, 'load.log'));
  try {
    const backend = scenario.backend
      ? await load.call('backend', { kind: peerName === 'stock-nest' ? 'nest' : 'http' })
      : undefined;
    const messages = scenario.messages ? await load.call('messageWays') : undefined;
    const ready = { secured, history: scenario.history, backend, messages, folder: logFolder };
    const { port, protocol = 'socket.io', infoEvent } = await peer.call('ready', ready);
    /** @type {Context['target']} */
    const target = { port, protocol, secured };
    const result = await scenario.run({
      peer,
      load,
      target,
      infoEvent,
      messages,
      quick: options.quick,
      connections: scenario.connections(options),
      connect: (count = scenario.connections(options)) => load.call('open', { ...target, count }),
      async cpuMicrosOf(work) {
        const before = await peer.call('cpu');
        await work();
        const after = await peer.call('cpu');
        return after.user - before.user + after.system - before.system;
      },
    });
    // Fails when a client lost its connection: such a sample counts less than it claims.
    await load.call('received', { count: 0 });
    return typeof result === 'number' ? { '': result } : result;
  } finally {
    await Promise.all([peer.end(), load.end()]);
  }
}
