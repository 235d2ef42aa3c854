import { setTimeout } from 'node:timers/promises';
import { processCpuMs, residentMb, startService } from '../support/service-process.js';

const REST_MS = 2_000;

/** @type {import('./index.js').Scenario} */
export default {
  name: 'start',
  title: 'Start of the process, and the process at rest',
  unit: 'ms, MB, or kB',
  better: 'lower',
  peers: ['raw-socket.io', 'stock-nest', 'switchboard'],
  connections: ({ connections }) => connections ?? 0,
  async run({ peer, load, connections }) {
    const startedAt = performance.now();
    const service = await startService(peer.file);
    try {
      const readyMs = performance.now() - startedAt;
      const cpuMs = processCpuMs(service.pid);
      await setTimeout(REST_MS);
      const atRest = {
        'ready, ms': readyMs,
        'CPU until ready, ms': cpuMs,
        'RSS at rest, MB': residentMb(service.pid),
      };
      if (connections === 0) return atRest;
      await load.call('open', { port: service.port, protocol: 'socket.io', count: connections });
      await setTimeout(REST_MS);
      const connected = residentMb(service.pid);
      const ends = load.call('awaitEnds');
      await service.end();
      await ends;
      return {
        ...atRest,
        'RSS with connections, MB': connected,
        'RSS of the whole process, kB per connection': (connected / connections) * 1000,
      };
    } finally {
      await service.end();
    }
  },
};
