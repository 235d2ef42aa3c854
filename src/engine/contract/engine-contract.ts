import { type CreateEngine, type EngineTraits, publicationTo, publishAndStamp } from './engine-under-test.js';
import { describeHistory } from './history-contract.js';
import { describeIdempotency } from './idempotency-contract.js';
import { describeOutbox } from './outbox-contract.js';
import { describeQuotas } from './quota-contract.js';
import { describeRevocations } from './revocation-contract.js';
import { describeSessions } from './session-contract.js';

/**
 * What holds for every engine. One suite, run on each of them: a caller must not be able to tell which one it has.
 *
 * Tests of one engine live side by side in the same shared state, so every name in them is new.
 */
export function describeEngine(name: string, create: CreateEngine, traits: EngineTraits): void {
  describe(`${name} as an engine`, () => {
    const setup = { history: [], recoveryWindowMs: traits.lifeMs };

    it('is ready when it has started', async () => {
      const test = await create(setup);
      expect(test.engine.health()).toEqual({ state: 'ready' });
      await test.close();
    });

    it('[R4] lists the node it runs in, with the sockets it is told of', async () => {
      const test = await create(setup);
      const nodes = await test.engine.nodes(7);
      expect(nodes.filter(({ sockets }) => sockets === 7)).toHaveLength(1);
      await test.close();
    });

    it('finds nobody else to carry out a command for', async () => {
      const test = await create(setup);
      const subject = { user: 'nobody' };
      expect(await test.engine.command({ do: 'disconnect', subject, reconnect: false })).toBe(0);
      expect(test.hooks.commands).toEqual([]);
      await test.close();
    });

    it('[H4] takes publications that nobody waits for, and gives them a cursor', async () => {
      const test = await create(setup);
      const { cursor, positions } = await publishAndStamp(test, publicationTo({ all: true }));
      expect([typeof cursor, positions]).toEqual(['string', undefined]);
      await test.close();
    });

    describe('history', () => describeHistory(create, traits));
    describe('quotas', () => describeQuotas(create));
    describe('sessions', () => describeSessions(create, traits));
    describe('revocations', () => describeRevocations(create));
    describe('outbox', () => describeOutbox(create, traits));
    describe('idempotency', () => describeIdempotency(create, traits));
  });
}
