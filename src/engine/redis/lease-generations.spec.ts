import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { describeWithRedis, TestRedis } from '../../../test/support/redis.js';
import { scriptsOver } from '../../../test/support/redis-script.js';
import { until } from '../../../test/support/until.js';
import { createClient, isFenced } from './connection/client.js';
import { DEFAULT_PREFIX, stateKey } from './keys.js';
import { Lease } from './node/lease.js';
import { ATTACH, CHANGE, REPLY } from './lua/scripts.js';
import type { RunScript } from './lua/script.js';

/** What becomes of what a node sends. */
type Fate = 'answered' | 'unanswered' | 'withheld';

const NODE = 'n-one';
const KEY = `{sb}:node:${NODE}`;

let redis: TestRedis;
let client: Redis;
let fate: Fate;
/** What is still on its way, over a connection that the node has given up. */
let withheld: (readonly (string | number)[])[];

const run = scriptsOver(() => client);

const through: RunScript = async (script, ...args) => {
  if (fate === 'withheld') withheld.push(args);
  else if (fate === 'answered') return run(script, ...args);
  else await run(script, ...args);
  throw new Error('no answer');
};

const leaseOf = (node: string, via: RunScript = run, leaseMs = 60_000): Lease =>
  new Lease(via, {
    node,
    startedAt: new Date(0),
    leaseMs,
    recoveryWindowMs: 10_000,
    sessionsKeepMs: 10_000,
    maxHistoryBytes: 134_217_728,
  });

/** Has an attempt to attach meet its fate. */
async function attach(lease: Lease, meets: Fate = 'answered'): Promise<string> {
  fate = meets;
  const attaching = lease.attach(0);
  if (meets === 'answered') return (await attaching).outcome;
  await expect(attaching).rejects.toThrow('no answer');
  return 'unknown';
}

/** Others take the node for dead, without waiting until its lease lapses. */
async function reap(): Promise<void> {
  await client.zadd('{sb}:nodes', 'XX', 0, NODE);
  await leaseOf('n-other').reap(NODE, async () => undefined);
}

/** Whether a change of the registry that was sent with this identity takes effect when it runs now. */
const takesEffect = (identity: Lease['identity']): Promise<boolean> =>
  run(CHANGE, ...identity, '[]', 0, 0).then(
    () => true,
    (failure: unknown) => {
      if (!isFenced(failure)) throw failure;
      return false;
    },
  );

/** All that attaching could change. */
const shared = () =>
  Promise.all([
    client.hgetall(KEY),
    client.zscore('{sb}:nodes', NODE),
    client.xrange(`{sb}:inbox:${NODE}`, '-', '+'),
    client.hmget('{sb}:state', 'e', 'q', 'beat'),
  ]);

describeWithRedis('the generations of a lease', () => {
  let lease: Lease;

  beforeAll(async () => {
    redis = await TestRedis.start();
    client = createClient(redis.url, stateKey(DEFAULT_PREFIX));
    await client.connect();
  });
  afterAll(async () => {
    client.disconnect();
    await redis.kill();
  });
  beforeEach(async () => {
    await client.flushall();
    withheld = [];
    lease = leaseOf(NODE, through);
  });

  it('[R4] what a node sent before it made itself known again has no effect when it runs late', async () => {
    expect(await attach(lease)).toBe('new');
    const before = lease.identity;
    expect(await takesEffect(before)).toBe(true);
    await run(REPLY, NODE, 'i', 'n-other', 'told');
    const [kept, , inbox] = await shared();
    expect(await attach(lease)).toBe('kept');
    expect(await takesEffect(before)).toBe(false);
    const [now, , inboxNow] = await shared();
    expect({ ...now, g: '' }).toEqual({ ...kept, g: '' });
    expect(inboxNow).toEqual(inbox);
    expect(await takesEffect(lease.identity)).toBe(true);
    expect(await lease.renew({ position: '0-0', taken: '0-0' }, 0)).toMatchObject({ state: 'held' });
  });

  it('[D5] a node whose inbox has gone learns it once something would have been in there', async () => {
    await attach(lease);
    await client.del(`{sb}:inbox:${NODE}`);
    expect(await lease.renew({ position: '1-0', taken: '1-0' }, 0)).toMatchObject({ state: 'held' });
    expect(await run(REPLY, NODE, 'i', 'n-other', 'lost')).toBe(0);
    expect(await lease.renew({ position: '1-0', taken: '1-0' }, 0)).toEqual({ state: 'fenced' });
    expect(await attach(lease)).toBe('fenced');
    expect(await run(REPLY, NODE, 'i', 'n-other', 'told')).toBe(1);
    expect(await takesEffect(lease.identity)).toBe(true);
  });

  it('[D5] a node that gets no answer however often is kept all the same', async () => {
    await attach(lease);
    for (let round = 0; round < 3; round++) {
      for (let lost = 0; lost < 3; lost++) await attach(lease, 'unanswered');
      expect(await attach(lease)).toBe('kept');
      expect(await takesEffect(lease.identity)).toBe(true);
    }
  });

  it.each([
    ['before an attempt that got no answer', ['reaped', 'unanswered']],
    ['after one', ['unanswered', 'reaped']],
    ['between two', ['unanswered', 'reaped', 'unanswered']],
  ] as const)('[R4] a node that others took out %s learns it', async (_, steps) => {
    await attach(lease);
    const before = lease.identity;
    for (const step of steps) await (step === 'reaped' ? reap() : attach(lease, step));
    expect(await attach(lease)).toBe('fenced');
    expect(await takesEffect(before)).toBe(false);
    expect(await attach(lease)).toBe('kept');
  });

  it('[R4] a node that others are not done with finishes it and learns it, after an attempt without an answer too', async () => {
    await attach(lease);
    await attach(lease, 'unanswered');
    await client.hset(KEY, 'g', 'dead');
    expect(await attach(lease)).toBe('fenced');
  });

  it.each([['new'], ['kept'], ['fenced']])(
    '[R4] an attempt that runs after a later one, which found the node %s, changes nothing',
    async (outcome) => {
      if (outcome !== 'new') await attach(lease);
      await attach(lease, 'withheld');
      if (outcome === 'fenced') await reap();
      expect(await attach(lease)).toBe(outcome);
      await client.hset('{sb}:state', 'q', 5);
      const before = await shared();
      expect(await run(ATTACH, ...withheld[0]!)).toEqual(['stale']);
      expect(await shared()).toEqual(before);
      expect(await attach(lease)).toBe('kept');
    },
  );

  it('[R4] a process that begins anew under the same name is not kept from it', async () => {
    for (let round = 0; round < 3; round++) await attach(lease);
    const anew = leaseOf(NODE, through);
    expect(await attach(anew)).toBe('new');
    expect(await attach(lease)).toBe('fenced');
  });

  it('[O3] a copy of Redis that has missed the last attempt knows the node', async () => {
    await attach(lease);
    await attach(lease);
    const { g } = await client.hgetall(KEY);
    await attach(lease);
    // As a replica would that has become the primary without the last write.
    await client.hset(KEY, 'g', g!);
    expect(await attach(lease)).toBe('kept');
  });

  it('[R4] nobody is taken for dead because Redis came back empty and went away again before a lease was renewed', async () => {
    const both = [leaseOf(NODE, run, 20), leaseOf('n-other', run, 20)] as const;
    for (const each of both) await each.attach(0);
    await client.flushall();
    for (const each of both) expect((await each.attach(0)).outcome).toBe('lost');
    await until('their leases have lapsed', async () => {
      return Date.now() > Number(await client.zscore('{sb}:nodes', 'n-other'));
    });
    expect(await both[0].renew({ position: '1-0', taken: '1-0' }, 0)).toMatchObject({
      state: 'held',
      lapsed: [],
    });
  });

  it('[R4] holds whatever is answered, late, lost and reaped, in any order', async () => {
    const late = fc.record({ late: fc.nat(9) });
    const step = fc.oneof(
      fc.constantFrom('answered' as const, 'unanswered' as const, 'withheld' as const, 'reaped' as const),
      late,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        await client.flushall();
        withheld = [];
        lease = leaseOf(NODE, through);
        await attach(lease);
        const identities = [lease.identity];
        let sent = 1;
        let held: number | undefined = 1;
        let isFenced = false;
        const numbers: number[] = [];
        for (const each of steps) {
          if (each === 'reaped') {
            await reap();
            [held, isFenced] = [undefined, true];
          } else if (typeof each === 'object') {
            const index = each.late % Math.max(1, withheld.length);
            const [args] = withheld.splice(index, 1);
            const [number] = numbers.splice(index, 1);
            if (args === undefined || number === undefined) continue;
            const isStale = held !== undefined && number < held;
            const [outcome] = (await run(ATTACH, ...args)) as [string];
            expect(outcome === 'stale').toBe(isStale);
            if (!isStale) held = number;
          } else {
            sent++;
            const outcome = await attach(lease, each);
            if (each === 'withheld') numbers.push(sent);
            else held = sent;
            if (each === 'answered') {
              expect(outcome).toBe(isFenced ? 'fenced' : 'kept');
              isFenced = false;
              identities.push(lease.identity);
            }
          }
          for (const identity of identities) {
            const isHeld: boolean = Number(identity[1].split('.')[1]) === held;
            expect(await takesEffect(identity)).toBe(isHeld);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
