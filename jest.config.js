import { everything, onRedis, SELDOM_ON_REDIS, TEST_TIMEOUT_MS } from './test/projects.js';

/** One Jest for everything. */
export default {
  projects: [everything, ...onRedis(SELDOM_ON_REDIS)],
  testTimeout: TEST_TIMEOUT_MS,
  maxWorkers: 2,
};
