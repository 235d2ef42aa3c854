import { describeEngine } from '../contract/engine-contract.js';
import { createMemoryEngine } from '../contract/memory-engine-under-test.js';

describeEngine('memory', createMemoryEngine, { lifeMs: 10_000, skipsTime: true });
