import { MemoryEngine, type MemoryEngineConfig } from '../memory/memory-engine.js';
import { NodeIdentity } from '../node-identity.js';
import { type EngineSetup, type EngineUnderTest, RecordedHooks } from './engine-under-test.js';

/** A memory engine with its clock in the hands of the test. */
export interface MemoryEngineUnderTest extends EngineUnderTest {
  readonly engine: MemoryEngine;
  now(): number;
}

/** A memory engine whose time stands still until it is told to go on. */
export async function createMemoryEngine(
  setup: EngineSetup & Partial<MemoryEngineConfig>,
): Promise<MemoryEngineUnderTest> {
  let now = 0;
  const config = { maxHistoryBytes: 134_217_728, pingIntervalMs: 10, pingTimeoutMs: 10, ...setup };
  const engine = new MemoryEngine(config, new NodeIdentity(), () => now);
  const hooks = new RecordedHooks();
  await engine.start(hooks);
  return {
    engine,
    hooks,
    now: () => now,
    advance: async (ms) => {
      now += ms;
      engine.sweep();
    },
    close: () => engine.stop(),
  };
}
