import { onRedis, TEST_TIMEOUT_MS } from './test/projects.js';

const projects = onRedis();
/** Jest takes an empty list of projects for the whole directory. */
const nothing = { testMatch: ['!**'], passWithNoTests: true };

/** All end to end tests that can run on the redis engine. */
export default {
  ...(projects.length > 0 ? { projects } : nothing),
  testTimeout: TEST_TIMEOUT_MS,
  maxWorkers: 2,
};
