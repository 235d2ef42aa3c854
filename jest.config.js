import { everything, onRedis, SELDOM_ON_REDIS } from './test/projects.js';

/** One Jest for everything. */
export default {
  projects: [everything, ...onRedis(SELDOM_ON_REDIS)],
  testTimeout: 30_000,
  maxWorkers: 2,
};
