import { long, TEST_TIMEOUT_MS } from './test/projects.js';

/** `npm run test:long`: chaos, fuzz, healthy, incidents, jitter and soak, each for a short while, and what else takes long. */
export default { ...long, testTimeout: TEST_TIMEOUT_MS, maxWorkers: 1 };
