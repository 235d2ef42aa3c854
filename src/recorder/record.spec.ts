import type { Publication } from '../protocol/publication.js';
import type { Episode } from './episode.js';
import { Flight, MAX_FACTS } from './flight.js';
import { HeavyHitters, mergeTop } from './heavy-hitters.js';
import { linked } from './linked.js';
import { Namespaces } from '../sockets/namespaces.js';
import { PublicationStore, REMEMBERED_MS } from './publication-store.js';
import { Traces } from './traces.js';

describe('the facts of a connection', () => {
  it('[X1] are the newest forty, oldest first', () => {
    const flight = new Flight();
    for (let at = 0; at < 100; at++) flight.note(at, 'joined', `room ${at}`);
    const facts = flight.facts(1_000);
    expect(facts).toHaveLength(MAX_FACTS);
    expect(facts[0]).toEqual({ at: 1_060, kind: 'joined', name: 'room 60' });
    expect(facts.at(-1)).toEqual({ at: 1_099, kind: 'joined', name: 'room 99' });
    expect(flight.isCut).toBe(true);
  });

  it('[X1] have a fixed size, however long the name of a room is', () => {
    const flight = new Flight();
    flight.note(0, 'joined', 'x'.repeat(100_000));
    expect(flight.facts(0)[0]!.name).toBe('x'.repeat(256));
  });
});

describe('a live trace', () => {
  it('[X6] drops what its reader does not take, and says how much', () => {
    const traces = new Traces(new Namespaces());
    let wakes = 0;
    const trace = traces.begin({ user: 'ada' }, false, () => wakes++);
    for (let line = 0; line < 700; line++) {
      traces.tell({ user: 'ada', address: 'a' }, { type: 'join', line });
      traces.tell({ user: 'bob', address: 'a' }, { type: 'join', line });
    }
    const lines = trace.take();
    expect(lines).toHaveLength(501);
    expect(lines.at(-1)).toEqual({ type: 'dropped', dropped: 200 });
    expect(wakes).toBe(1);
    expect(trace.take()).toEqual([]);
    trace.close();
    expect(traces.isActive).toBe(false);
  });
});

describe('the heaviest of a stream', () => {
  it('[X5] are found in a sketch of fixed size, each with how far it may be off', () => {
    const hitters = new HeavyHitters(8);
    for (let n = 0; n < 1_000; n++) {
      hitters.add('heavy');
      hitters.add(`light ${n}`);
    }
    const [first, ...rest] = hitters.top();
    expect(first!.name).toBe('heavy');
    expect(first!.count).toBeGreaterThanOrEqual(1_000);
    expect(first!.count - first!.error).toBeLessThanOrEqual(1_000);
    expect(rest).toHaveLength(7);
  });

  it('[X5] of several nodes are added up', () => {
    const one = [{ name: 'a', count: 3, error: 0 }];
    const other = [
      { name: 'b', count: 4, error: 1 },
      { name: 'a', count: 2, error: 1 },
    ];
    expect(mergeTop([one, other], 1)).toEqual([{ name: 'a', count: 5, error: 1 }]);
  });
});

describe('the publications that are remembered', () => {
  const publication = (id: string, more: Partial<Publication> = {}): Publication => ({
    id,
    event: 'x',
    args: ['secret'],
    to: { rooms: ['lobby'] },
    except: {},
    volatile: false,
    ...more,
  });

  it('[X3] are counted as they went out, without what was sent', () => {
    const store = new PublicationStore('n-1', 1_000_000);
    const place = store.begin(publication('p-1', { user: 'ada' }), undefined);
    store.exceptAt(place, 's-1', 'volatile_dropped');
    store.exceptAt(place, 's-2', 'waiting');
    store.end(place, 5);
    store.except('p-1', 's-2', 'replayed');
    store.matchedElsewhere('p-1', 2);
    const story = store.story('p-1');
    expect(story).toMatchObject({
      by: { kind: 'user', name: 'ada' },
      matched: 7,
      nodes: [{ node: 'n-1', written: 3, dropped: 1, waiting: 1 }],
    });
    expect(story!.exceptions.map(({ socketId, what }) => [socketId, what])).toEqual([
      ['s-1', 'volatile_dropped'],
      ['s-2', 'waiting'],
      ['s-2', 'replayed'],
    ]);
    expect(JSON.stringify(story)).not.toContain('secret');
  });

  it('[X3] are forgotten after ten minutes, and sooner where there are too many, which it says', () => {
    let now = 1_000_000;
    const store = new PublicationStore('n-1', 8_000, () => now);
    store.begin(publication('p-0'), undefined);
    expect(store.since).toBeNull();
    expect(store.story('p-0')).toBeDefined();
    now += REMEMBERED_MS + 1;
    expect(store.story('p-0')).toBeUndefined();
    for (let n = 1; n <= 20; n++) store.begin(publication(`p-${n}`), undefined);
    expect(store.story('p-20')).toBeDefined();
    expect(store.story('p-1')).toBeUndefined();
    expect(store.since).toBe(now);
  });

  it('[X3] hold on to a hundred names of a target at the most, and say so', () => {
    const store = new PublicationStore('n-1', 1_000_000);
    const rooms = Array.from({ length: 1_000 }, (_, n) => `room ${n}`);
    store.begin(publication('p-1', { to: { rooms } }), { kind: 'key', name: 'shop' });
    const story = store.story('p-1')!;
    expect('rooms' in story.to && story.to.rooms).toHaveLength(100);
    expect(story).toMatchObject({ isCut: true, by: { kind: 'key', name: 'shop' } });
  });
});

describe('episodes of one client', () => {
  const episode = (socketId: string, openedAt: number, more: Partial<Episode> = {}): Episode =>
    ({
      socketId,
      user: 'ada',
      userAgent: 'x',
      namespace: '/',
      openedAt,
      connectedAt: openedAt,
      endedAt: null,
      recovery: null,
      end: null,
      next: null,
      ...more,
    }) as Episode;
  const broke = { reason: 'transport_close', comesBack: true } as Episode['end'];

  it('[X1] are linked with the one that came after, and the gap', () => {
    const [one, two] = linked(
      [
        episode('b', 2_000, { recovery: { outcome: 'not_recovered', why: null } }),
        episode('a', 0, { endedAt: 1_500, end: broke }),
      ],
      100,
    );
    expect(one).toMatchObject({ socketId: 'a', next: { socketId: 'b', gapMs: 500 } });
    expect(two).toMatchObject({ next: null, recovery: { why: 'window_over' } });
  });

  it('[X1] are linked where the client gave up before its node did, and not where another was there long before', () => {
    const silent = { reason: 'ping_timeout', comesBack: true, idleMs: 4_000 } as Episode['end'];
    const gone = episode('a', 0, { endedAt: 20_000, end: silent });
    expect(linked([gone, episode('b', 17_000)])[0]!.next).toEqual({ socketId: 'b', gapMs: 0 });
    expect(linked([gone, episode('b', 9_000)])[0]!.next).toBeNull();
    const cut = episode('a', 0, { endedAt: 20_000, end: { ...silent!, reason: 'transport_close' } });
    expect(linked([cut, episode('b', 17_000)])[0]!.next).toBeNull();
  });

  it('[X1] are not linked across users, devices or namespaces', () => {
    const others = [{ user: 'bob' }, { userAgent: 'y' }, { namespace: '/x' }];
    for (const other of others) {
      const [one] = linked([episode('a', 0, { endedAt: 1, end: broke }), episode('b', 2, other)]);
      expect(one!.next).toBeNull();
    }
  });
});
