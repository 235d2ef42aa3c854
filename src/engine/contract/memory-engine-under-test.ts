import { MemoryEngine, type MemoryEngineConfig } from '../memory/memory-engine.js';
import type { RegistryReader } from '../registry.js';
import { NodeIdentity } from '../node-identity.js';
import { type EngineSetup, type EngineUnderTest, RecordedHooks } from './engine-under-test.js';

/** A memory engine with its clock in the hands of the test. */
export interface MemoryEngineUnderTest extends EngineUnderTest {
  readonly engine: MemoryEngine;
  now(): number;
}

const NO_PAGE = { items: [], next: null, total: 0 };

/** The registry of a node without sockets. */
const NOBODY: RegistryReader = {
  socket: () => undefined,
  sockets: () => NO_PAGE,
  user: (user) => ({ user, online: false, sockets: [], rooms: [] }),
  users: () => NO_PAGE,
  room: (room) => ({ room, sockets: 0, users: 0 }),
  rooms: () => NO_PAGE,
  members: () => NO_PAGE,
  firstMembers: () => NO_PAGE,
  counts: () => ({ sockets: 0, users: 0, rooms: 0 }),
};

/** A memory engine whose time stands still until it is told to go on. */
export async function createMemoryEngine(
  setup: EngineSetup & Partial<MemoryEngineConfig>,
  held: RegistryReader = NOBODY,
): Promise<MemoryEngineUnderTest> {
  let now = 0;
  const config = { maxHistoryBytes: 134_217_728, pingIntervalMs: 10, pingTimeoutMs: 10, ...setup };
  const engine = new MemoryEngine(config, new NodeIdentity(), held, () => now);
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
