import { availableParallelism } from 'node:os';
import { everything, onRedis, SELDOM_ON_REDIS, TEST_TIMEOUT_MS } from './test/projects.js';

/** One Jest for everything. */
export default {
  projects: [everything, ...onRedis(SELDOM_ON_REDIS)],
  testTimeout: TEST_TIMEOUT_MS,
  testSequencer: '<rootDir>/test/jest/longest-first.cjs',
  // Suites with servers wait for most of their time: more of them run at once than there are cores.
  maxWorkers: Math.max(3, availableParallelism()),
};
