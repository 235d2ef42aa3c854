import { setTimeout } from 'node:timers/promises';
import { processCpuMs, residentMb, startService } from '../support/service-process.js';

const REST_MS = 2_000;

/** @type {import('./index.js').Scenario} */
export default {
  name: 'start',
  title: 'Start of the process, and the process at rest',
  unit: 'ms, or MB',
  better: 'lower',
  peers: ['stock-nest', 'switchboard'],
  connections: () => 0,
  async run({ peer }) {
    const startedAt = performance.now();
    const service = await startService(peer.file);
    try {
      const readyMs = performance.now() - startedAt;
      const cpuMs = processCpuMs(service.pid);
      await setTimeout(REST_MS);
      return {
        'ready, ms': readyMs,
        'CPU until ready, ms': cpuMs,
        'RSS at rest, MB': residentMb(service.pid),
      };
    } finally {
      await service.end();
    }
  },
};
