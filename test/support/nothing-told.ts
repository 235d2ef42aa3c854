/** Jest runs this before each file. Those that start gateways get marked secrets planted, which nothing may tell. */
import { readFileSync } from 'node:fs';
import { Secrets } from './secrets.js';

const { testPath } = expect.getState();
const isEndToEnd = testPath?.endsWith('.e2e.ts') === true;

if (isEndToEnd && readFileSync(testPath, 'utf8').includes("'switchboard-gateway/testing'")) {
  await import('./planting.js');
}
if (isEndToEnd) afterAll(() => Secrets.assertNoneNoted());
