import { setImmediate } from 'node:timers/promises';
import { publication, TestNode } from '../../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../../test/support/redis.js';
import { until } from '../../../../test/support/until.js';
import type { Arrival, RemoteOutcome } from '../../engine.js';
import { PublisherQuota } from '../../publisher-quota.js';
import { PendingCalls } from '../node/pending-calls.js';
import { RedisBroker } from './redis-broker.js';

const nothing = { responses: [], missing: [] };

describe('the answer to a publication', () => {
  const begin = () => {
    const events: string[] = [];
    const hooks = {
      tracksPositions: () => true,
      holds: () => false,
      arrived: ({ publication: { id } }: Arrival) => void events.push(id),
    };
    const publisher = new RedisBroker(
      {
        identity: () => ['node', 'generation'],
        isAvailable: () => true,
        hooks: () => hooks,
        sessionsKeepMs: 1_000,
        redisTimeoutMs: 1_000,
        ruleOf: () => undefined,
        run: async () => [['e.1', 0, '', 0]],
        reply: () => undefined,
        calls: new PendingCalls(),
        quota: new PublisherQuota(134_217_728),
      },
      {
        sessions: () => ({ isUsed: false, flush: () => undefined }),
        holdings: { flush: () => undefined },
        outbox: { tellsOf: () => undefined },
      },
    );
    const sent = publication({ rooms: ['x'] });
    void publisher.publish(sent).remote!.then(() => events.push('answered'));
    return { events, publisher, sent };
  };

  it('comes when the sockets of this node that track positions have it', async () => {
    const { events, publisher, sent } = begin();
    await setImmediate();
    expect(events).toEqual([]);
    publisher.marked(JSON.stringify([[sent.id, 'e.1', '']]));
    await setImmediate();
    expect(events).toEqual([sent.id, 'answered']);
  });

  it('does not wait for an inbox that says nothing', async () => {
    const { events, sent } = begin();
    await until('it is answered', () => events.length === 2);
    expect(events).toEqual([sent.id, 'answered']);
  });
});

describeWithRedis('publications between nodes', () => {
  let redis: TestRedis;
  let one: TestNode;
  let two: TestNode;

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.kill());
  beforeEach(async () => {
    await redis.ask((client) => client.flushall());
    const history = [{ pattern: 'kept:*', size: 10, ttlMs: 60_000 }];
    [one, two] = await Promise.all([
      TestNode.start(redis.url, { history }),
      TestNode.start(redis.url, { history }),
    ]);
  });
  afterEach(() => Promise.all([one.engine.stop(), two.engine.stop()]));

  const publish = (...args: Parameters<typeof publication>): Promise<RemoteOutcome> =>
    one.engine.publish(publication(...args)).remote!;

  it('[D1] reaches the nodes that hold recipients, once, and counts their sockets', async () => {
    await two.connect('a', 'ann', ['x', 'y']);
    await two.connect('b', 'ben', ['y']);
    await one.connect('c', 'ann', ['x']);
    expect(await publish({ rooms: ['x'] })).toEqual({ matched: 1, ...nothing });
    expect(await publish({ rooms: ['x', 'y'], users: ['ann'], sockets: ['a', 'none'] })).toEqual({
      matched: 2,
      ...nothing,
    });
    expect(await publish({ all: true })).toEqual({ matched: 2, ...nothing });
    expect(await publish({ rooms: ['empty'] })).toEqual({ matched: 0, ...nothing });
    expect(await publish({})).toEqual({ matched: 0, ...nothing });
    await until('it has arrived', () => two.got.length === 3 && one.got.length === 5);
    expect(two.arrivals.map(({ audience }) => audience)).toEqual(['all', 'all', 'all']);
    expect(one.arrivals.every(({ audience }) => audience === 'tracking')).toBe(true);
  });

  it('[D1] what is taken off is not counted', async () => {
    await two.connect('a', 'ann', ['x', 'y']);
    await two.connect('b', 'ben', ['x']);
    await one.connect('c', 'cy', ['x']);
    const counts = [
      await publish({ rooms: ['x'] }, { except: { sockets: ['a', 'c', 'none'] } }),
      await publish({ all: true }, { except: { sockets: ['a'] } }),
      await publish({ rooms: ['x'] }, { except: { rooms: ['y'] } }),
      await publish({ all: true }, { except: { users: ['ann', 'ben'] } }),
      await publish({ rooms: ['y'] }, { except: { sockets: ['b'] } }),
    ].map(({ matched }) => matched);
    expect(counts).toEqual([1, 1, 1, 0, 1]);
  });

  it('[D1] a publication for one namespace is for its sockets only', async () => {
    await two.connect('a', 'ann', ['x']);
    await two.connect('b', 'ben', ['x'], { namespace: '/other' });
    const targets = [{ rooms: ['x'] }, { all: true } as const, { users: ['ann', 'ben'] }, { sockets: ['b'] }];
    const counts: number[] = [];
    for (const to of targets) counts.push((await publish(to, { namespace: '/other' })).matched);
    expect(counts).toEqual([1, 1, 1, 1]);
  });

  it('[D3] arrives as it was published, binary and look-alikes too', async () => {
    await two.connect('a', 'ann', ['x']);
    const sent = publication(
      { rooms: ['x'] },
      {
        args: [
          { $base64: 'text' },
          Buffer.from([0, 255]),
          { $$base64: [null], deep: new Uint8Array([7]) },
          [],
        ],
        except: { users: ['ben'] },
        user: 'cy',
        namespace: '/',
      },
    );
    await one.engine.publish(sent).remote;
    await until('it has arrived', () => two.got.length === 1);
    const bytes = Buffer.from([7]);
    expect(two.arrivals[0]!.publication).toEqual({
      ...sent,
      args: [{ $base64: 'text' }, Buffer.from([0, 255]), { $$base64: [null], deep: bytes }, []],
    });
  });

  it('[Q5] a name with half a character costs nobody else a publication of the same turn', async () => {
    await two.connect('a', 'ann', ['x']);
    await two.connect('b', 'half \ud800', ['half \udfff']);
    const outcomes = await Promise.all([
      publish({ rooms: ['x'] }),
      publish({ users: ['half \ud800'], sockets: ['\ud800'], rooms: ['half \udfff'] }),
    ]);
    expect(outcomes.map(({ matched }) => matched)).toEqual([1, 1]);
    expect((await one.registry.user('half \ud800')).sockets).toMatchObject([{ socketId: 'b' }]);
    expect(one.engine.health()).toEqual({ state: 'ready' });
  });

  it('[D4] all nodes get everything in one order, whoever publishes', async () => {
    await one.connect('a', 'ann', ['x']);
    await two.connect('b', 'ben', ['x']);
    const sent: Promise<unknown>[] = [];
    for (let round = 0; round < 50; round++) {
      for (const node of [one, two]) {
        for (let index = 0; index < 5; index++) {
          sent.push(node.engine.publish(publication({ rooms: ['x'] })).remote!);
        }
      }
      await sent.at(-1);
    }
    await Promise.all(sent);
    await until('all has arrived', () => one.got.length === 500 && two.got.length === 500);
    expect(one.got).toEqual(two.got);
    expect(one.arrivals.map(({ stamp }) => stamp.cursor)).toEqual(
      two.arrivals.map(({ stamp }) => stamp.cursor),
    );
  });

  it('[D4] its own publications do not come back to a node whose sockets track no positions', async () => {
    await two.connect('a', 'ann', ['x']);
    one.hasTrackers = false;
    await publish({ rooms: ['x'] });
    await publish({ rooms: ['x'] });
    one.hasTrackers = true;
    const marked = publication({ rooms: ['x'] });
    await one.engine.publish(marked).remote;
    await until('all have arrived', () => two.got.length === 3 && one.got.length === 1);
    expect(one.got).toEqual([marked.id]);
    expect(one.arrivals[0]!.stamp).toEqual(two.arrivals[2]!.stamp);
    expect(one.engine.cursor).toBe(two.engine.cursor);
  });

  it('[H4] they do while a session is here or about to be', async () => {
    one.hasTrackers = false;
    const session = { sessionId: 'secret', socketId: 'a', user: 'ann', namespace: '/', token: undefined };
    await one.connect('a', 'ann', ['x']);
    await one.engine.sessions.open(session);
    await publish({ rooms: ['x'] });
    await until('it has arrived', () => one.got.length === 1);
    const claim = two.engine.sessions.claim('secret', { user: 'ann', namespace: '/', cursor: undefined });
    two.hasTrackers = false;
    await two.engine.publish(publication({ rooms: ['x'] })).remote;
    await until('it has arrived', () => two.got.length === 1);
    expect(await claim).toMatchObject({ socketId: 'a' });
  });

  it('[H2] carries its positions to every node', async () => {
    await two.connect('a', 'ann', ['kept:x', 'y']);
    const sent = publication({ rooms: ['kept:x', 'y', 'kept:z'] });
    await one.engine.publish(sent).remote;
    await until('it has arrived', () => two.got.length === 1 && one.got.length === 1);
    const [there, here] = [two.arrivals[0]!.stamp, one.arrivals[0]!.stamp];
    expect([...there.positions!.keys()]).toEqual(['kept:x', 'kept:z']);
    expect(here).toEqual(there);
    const page = await two.engine.history.read('kept:x', { limit: 1 });
    expect(there.positions!.get('kept:x')).toEqual({ epoch: page.epoch, offset: page.offset });
    expect(page.publications[0]!.id).toBe(sent.id);
  });

  it('[D6] every targeted socket of other nodes has answered or is missing', async () => {
    await two.connect('a', 'ann', ['x']);
    await two.connect('b', 'ben', ['x']);
    await one.connect('c', 'cy', ['x']);
    two.acknowledge = async ({ ackTimeoutMs }: Arrival) => ({
      responses: [{ socketId: 'a', user: 'ann', args: [ackTimeoutMs, Buffer.from([1])] }],
      missing: [{ socketId: 'b', user: 'ben' }],
    });
    const outcome = await one.engine.publish(publication({ rooms: ['x'] }), 500).remote;
    expect(outcome).toEqual({
      matched: 2,
      responses: [{ socketId: 'a', user: 'ann', args: [500, Buffer.from([1])] }],
      missing: [{ socketId: 'b', user: 'ben' }],
    });
  });

  it('[D6] [Q5] an answer too deep to be encoded is null, and harms nobody', async () => {
    await two.connect('a', 'ann', ['x']);
    let deep: unknown = 1;
    for (let level = 0; level < 50_000; level++) deep = [deep];
    two.acknowledge = async () => ({
      responses: [{ socketId: 'a', user: 'ann', args: ['before', deep] }],
      missing: [],
    });
    const outcome = await one.engine.publish(publication({ rooms: ['x'] }), 500).remote;
    expect(outcome!.responses).toEqual([{ socketId: 'a', user: 'ann', args: ['before', null] }]);
  });

  it('[D6] [Q5] the sockets of a node that cannot collect answers are missing, and it lives on', async () => {
    await two.connect('a', 'ann', ['x']);
    two.acknowledge = () => Promise.reject(new Error('it cannot be sent'));
    // Waits for the node's answer, however long that takes.
    const outcome = await one.engine.publish(publication({ rooms: ['x'] }), 60_000).remote;
    expect(outcome).toEqual({ matched: 1, responses: [], missing: [{ socketId: 'a', user: 'ann' }] });
  });

  it('[D6] the sockets of a node that says nothing are missing', async () => {
    await two.connect('a', 'ann', ['x']);
    two.acknowledge = () => new Promise(() => undefined);
    const outcome = await one.engine.publish(publication({ rooms: ['x'] }), 1).remote;
    expect(outcome).toEqual({ matched: 1, responses: [], missing: [{ socketId: 'a', user: 'ann' }] });
  });

  it('has the nodes that hold a subject carry commands out, and adds up', async () => {
    await two.connect('a', 'ann');
    await two.connect('b', 'ann');
    await one.connect('c', 'ann');
    two.answerCommand = async () => 2;
    const subject = { user: 'ann' };
    expect(await one.engine.command({ do: 'join', subject, room: 'x' })).toBe(2);
    expect(await two.engine.command({ do: 'leave', subject: { socketId: 'c' }, room: 'x' })).toBe(1);
    expect(await two.engine.command({ do: 'disconnect', subject: { socketId: 'a' }, reconnect: true })).toBe(
      0,
    );
    expect(await one.engine.command({ do: 'server-side-emit', namespace: '/', args: [] })).toBe(2);
    expect(two.commands).toEqual([
      { do: 'join', subject, room: 'x' },
      { do: 'server-side-emit', namespace: '/', args: [] },
    ]);
    expect(one.commands).toEqual([{ do: 'leave', subject: { socketId: 'c' }, room: 'x' }]);
  });

  it('a command that a node does not carry out in time is not proven', async () => {
    await two.connect('a', 'ann');
    two.answerCommand = () => new Promise(() => undefined);
    await expect(
      one.engine.command({ do: 'join', subject: { user: 'ann' }, room: 'x' }),
    ).rejects.toMatchObject({
      code: 'engine.unavailable',
    });
  });
});
