import { long, TEST_TIMEOUT_MS } from './test/projects.js';

/** `npm run test:long`: chaos, findings that need their time, fuzz, healthy, jitter and soak, each for a short while. */
export default { ...long, testTimeout: TEST_TIMEOUT_MS, maxWorkers: 1 };
