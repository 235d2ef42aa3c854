import { specs, TEST_TIMEOUT_MS } from './test/projects.js';

/** `npm run test:fast`: specs that start no server, no process and no Redis; seconds, after every change. */
export default { ...specs, testTimeout: TEST_TIMEOUT_MS, maxWorkers: 2 };
