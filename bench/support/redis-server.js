/** A Redis of a sample's own, so that it starts empty and what it does is the sample's work alone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { Redis } from 'ioredis';
import { freePort } from '../../scripts/free-port.js';

/**
 * What Redis says it has done so far.
 * @typedef {{ cpuMicros: number, commands: number, scripts: number, bytesIn: number, bytesOut: number,
 *   memory: number }} RedisUse
 */

/** Every server that still runs, so that none outlives the run. @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

export class RedisServer {
  /**
   * @param {import('node:child_process').ChildProcess} process
   * @param {number} port
   * @param {Redis} client
   */
  constructor(process, port, client) {
    this.process = process;
    this.url = `redis://127.0.0.1:${port}`;
    this.client = client;
  }

  /** Starts one on a free port of loopback that keeps nothing on disk. @param {string} logFile */
  static async start(logFile) {
    const port = await freePort();
    const log = openSync(logFile, 'a');
    const server = spawn(
      'redis-server',
      ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    running.add(server);
    server.once('exit', () => running.delete(server));
    await once(server, 'spawn');
    const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50 });
    // It is not there at once.
    client.on('error', () => undefined);
    await client.ping();
    return new RedisServer(server, port, client);
  }

  /** CPU of all its threads, commands (those that scripts run included), bytes of all connections. @returns {Promise<RedisUse>} */
  async use() {
    const [text, stats] = await Promise.all([this.client.info(), this.client.info('commandstats')]);
    const value = (/** @type {string} */ name) => Number(new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1]);
    const calls = [...stats.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)].map(
      ([, name, count]) => /** @type {const} */ ([String(name), Number(count)]),
    );
    const sum = (/** @type {(name: string) => boolean} */ counts) =>
      calls.reduce((total, [name, count]) => total + (counts(name) ? count : 0), 0);
    return {
      cpuMicros: (value('used_cpu_sys') + value('used_cpu_user')) * 1e6,
      commands: sum((name) => name !== 'info'),
      scripts: sum((name) => name.startsWith('eval')),
      bytesIn: value('total_net_input_bytes'),
      bytesOut: value('total_net_output_bytes'),
      memory: value('used_memory'),
    };
  }

  async end() {
    this.client.disconnect();
    if (!running.has(this.process)) return;
    const exited = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exited;
  }
}

/** Ends every server; for Ctrl-C and failures. */
export function killAllRedis() {
  for (const server of running) server.kill('SIGKILL');
}
