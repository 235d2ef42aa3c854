import fc from 'fast-check';
import type { Episode } from './episode.js';
import { EPISODES_PER_KEY, EpisodeRing } from './episode-ring.js';

const episode = (user: string, address: string, number: number, facts = 0): Episode => ({
  socketId: `s-${number}`,
  user,
  address,
  node: 'n',
  namespace: '/',
  protocol: 4,
  origin: null,
  userAgent: 'x'.repeat(number % 200),
  openedAt: number,
  connectedAt: number,
  endedAt: number,
  firstTransport: 'polling',
  transport: 'websocket',
  ping: { first: null, min: null, max: null, last: null },
  lastPongAt: null,
  lastInAt: null,
  traffic: { bytesIn: 0, bytesOut: 0, eventsIn: 0, eventsOut: 0, unsentPeak: 0 },
  refusal: null,
  recovery: null,
  facts: Array.from({ length: facts }, () => ({ at: 1, kind: 'joined' as const, name: 'room' })),
  isCut: false,
  end: null,
  next: null,
});

const numbersOf = (episodes: readonly Episode[]): number[] => episodes.map(({ openedAt }) => openedAt);

describe('EpisodeRing', () => {
  it('[X1] keeps the last 50 of a user and of an address, in order, and finds one by its socket', () => {
    const ring = new EpisodeRing(1_000_000);
    for (let number = 0; number < 120; number++) ring.add(episode('ada', `a${number % 2}`, number));
    expect(numbersOf(ring.ofUser('ada'))).toEqual(
      Array.from({ length: EPISODES_PER_KEY }, (_, index) => 70 + index),
    );
    expect(ring.ofAddress('a1').at(-1)).toEqual(episode('ada', 'a1', 119));
    expect(ring.ofSocket('s-100')).toEqual(episode('ada', 'a0', 100));
    expect(ring.ofUser('bob')).toEqual([]);
    expect(ring.ofSocket('s-500')).toBeUndefined();
  });

  it('[X1] stays within its bytes and gives what a list with the same episodes gives, the newest first kept', () => {
    const maxBytes = 40_000;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5), fc.nat(3), fc.nat(40)), { minLength: 1, maxLength: 300 }),
        (adds) => {
          const ring = new EpisodeRing(maxBytes);
          const all: Episode[] = [];
          for (const [number, [user, address, facts]] of adds.entries()) {
            const added = episode(`u${user}`, `a${address}`, number, facts);
            ring.add(added);
            all.push(added);
            expect(ring.bytes).toBeLessThanOrEqual(maxBytes);
          }
          const kept = all.slice(all.length - ring.count);
          for (let user = 0; user <= 5; user++) {
            const wanted = kept.filter((each) => each.user === `u${user}`).slice(-EPISODES_PER_KEY);
            expect(ring.ofUser(`u${user}`)).toEqual(wanted);
          }
          expect(ring.count).toBeGreaterThan(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('[X1] gives all of an episode back as it was', () => {
    const ring = new EpisodeRing(100_000);
    const ends = (['client', 'network', 'gateway', 'node'] as const).map((by, index): Episode => ({
      ...episode('ada', 'a', index, index),
      isCut: index === 3,
      ping: { first: 1, min: 1, max: 9, last: 2 },
      lastPongAt: 7,
      recovery: index === 1 ? { outcome: 'not_recovered', why: 'window_over' } : null,
      end: {
        by,
        reason: 'transport_close',
        comesBack: index % 2 === 0,
        closeCode: index === 0 ? null : 1006,
        idleMs: 3,
        lastPongAgoMs: null,
        unsentBytes: 0,
        behindForMs: null,
        loopLagMs: 1,
      },
    }));
    const refused: Episode = {
      ...episode('eve', 'a', 9),
      socketId: null,
      connectedAt: null,
      refusal: { code: 'auth.token_expired', cause: 'expired 3 s ago', stage: 'namespace' },
    };
    for (const each of [...ends, refused]) ring.add(each);
    expect(ring.ofAddress('a')).toEqual([...ends, refused]);
  });

  it('[X1] keeps fewer of a user where that is said', () => {
    const ring = new EpisodeRing(100_000, 10);
    for (let number = 0; number < 30; number++) ring.add(episode('ada', 'a', number));
    expect(numbersOf(ring.ofUser('ada'))).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
    expect(ring.ofAddress('a')).toHaveLength(30);
  });

  it('[X1] keeps nothing where it may have no memory', () => {
    const ring = new EpisodeRing(0);
    ring.add(episode('ada', 'a', 1));
    expect(ring.ofUser('ada')).toEqual([]);
  });
});
