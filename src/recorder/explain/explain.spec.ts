import { readFile } from 'node:fs/promises';
import type { Episode, EpisodeEnd, Evidence } from '../episode.js';
import { explain, RULES } from './explain.js';
import { FINDING_IDS, type Confidence, type FindingId } from './finding.js';

const NOW = Date.UTC(2030, 0, 1, 12);
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150 Safari/537.36';
const PHONE = 'Mozilla/5.0 (Linux; Android 15; Pixel) AppleWebKit/537.36 Chrome/150 Mobile Safari/537.36';

let sockets = 0;

function episode(more: Partial<Episode> = {}): Episode {
  const openedAt = more.openedAt ?? NOW - 10 * MINUTE;
  return {
    socketId: `socket-${++sockets}`,
    user: 'ada',
    address: '192.0.2.1',
    node: 'n-1',
    namespace: '/',
    protocol: 4,
    origin: 'https://app.example',
    userAgent: CHROME,
    openedAt,
    connectedAt: openedAt + 50,
    endedAt: null,
    firstTransport: 'polling',
    transport: 'websocket',
    ping: { first: 20, min: 18, max: 40, last: 22 },
    lastPongAt: NOW - 5 * SECOND,
    lastInAt: NOW - 5 * SECOND,
    traffic: { bytesIn: 100, bytesOut: 1_000, eventsIn: 1, eventsOut: 5, unsentPeak: 0 },
    refusal: null,
    recovery: null,
    facts: [],
    isCut: false,
    end: null,
    next: null,
    ...more,
  };
}

const end = (more: Partial<EpisodeEnd> = {}): EpisodeEnd => ({
  by: 'network',
  reason: 'transport_close',
  comesBack: true,
  closeCode: 1006,
  idleMs: 3 * SECOND,
  lastPongAgoMs: 8 * SECOND,
  unsentBytes: 0,
  behindForMs: null,
  loopLagMs: 2,
  ...more,
});

const LEFT = { by: 'client', reason: 'client_namespace_disconnect', comesBack: false } as const;

/** An episode that ended: how old it was, and how. */
const ended = (ageMs: number, how: Partial<EpisodeEnd> = {}, more: Partial<Episode> = {}): Episode => {
  const openedAt = more.openedAt ?? NOW - 20 * MINUTE;
  return episode({ openedAt, endedAt: openedAt + 50 + ageMs, end: end(how), ...more });
};

const evidence = (episodes: readonly Episode[], more: Partial<Evidence> = {}): Evidence => ({
  now: NOW,
  pingIntervalMs: 25 * SECOND,
  pingTimeoutMs: 20 * SECOND,
  recoveryWindowMs: 2 * MINUTE,
  maxPayloadBytes: 100_000,
  eventsPerSecond: 50,
  eventsBurst: 200,
  nodes: 1,
  unknownSessions: [],
  nearby: [],
  presence: null,
  episodes,
  ...more,
});

const found = (of: Evidence): Record<string, Confidence> =>
  Object.fromEntries(explain(of).map(({ id, confidence }) => [id, confidence]));

const everyMinute = (count: number, ageMs: number, how: Partial<EpisodeEnd> = {}): Episode[] =>
  Array.from({ length: count }, (_, index) =>
    ended(ageMs + (index % 2) * 400, how, { openedAt: NOW - (count - index) * 2 * MINUTE }),
  );

/** Cut at odd ages, each after so many seconds without a word. */
const silences = (seconds: number): Episode[] =>
  [200, 311, 500, 777].map((age) => ended(age * SECOND, { idleMs: seconds * SECOND + age }));

const joined = (...rooms: readonly string[]) =>
  rooms.map((name) => ({ at: NOW - 9 * MINUTE, kind: 'joined' as const, name }));

const brokenThenBack = (before: Partial<Episode>, after: Partial<Episode>): Episode[] => {
  const back = episode({ openedAt: NOW - 5 * MINUTE, ...after });
  const first = ended(MINUTE, {}, { next: { socketId: back.socketId!, gapMs: 900 }, ...before });
  return [first, back];
};

/** Each connection ends a second after the next one came. */
const takingTurns = (count: number, how: Partial<EpisodeEnd>): Episode[] =>
  Array.from({ length: count }, (_, index) =>
    ended(
      3 * SECOND,
      { by: 'gateway', reason: 'kicked', comesBack: true, ...how },
      { openedAt: NOW - MINUTE + index * 2 * SECOND, next: { socketId: 'x', gapMs: 500 } },
    ),
  );

/** Refused as nobody, after the user was there. */
const nameless = (more: Partial<Episode>): Episode =>
  episode({
    user: null,
    openedAt: NOW - MINUTE,
    connectedAt: null,
    refusal: { code: 'auth.token_missing', cause: 'no token', stage: 'namespace' },
    ...more,
  });

const joinRefused = (code: string) =>
  ({ at: NOW - 9 * MINUTE, kind: 'join_refused', name: 'board:1', code }) as const;

const CASES: readonly (readonly [FindingId, string, Evidence, Confidence])[] = [
  [
    'refused',
    'an expired token',
    evidence([
      episode({
        connectedAt: null,
        refusal: { code: 'auth.token_expired', cause: 'expired 312 s ago', stage: 'handshake' },
      }),
    ]),
    'certain',
  ],
  [
    'refused',
    'a client without a token where the user was last',
    evidence([ended(MINUTE)], { nearby: [nameless({})] }),
    'possible',
  ],
  [
    'join_refused',
    'a room that its token does not allow',
    evidence([episode({ facts: [joinRefused('access.denied')] })]),
    'certain',
  ],
  ['ping_timeout', 'silence of a desktop', evidence([ended(MINUTE, { reason: 'ping_timeout' })]), 'certain'],
  [
    'tab_asleep',
    'silence of a phone that comes back later',
    evidence([
      ended(
        MINUTE,
        { reason: 'ping_timeout' },
        { userAgent: PHONE, next: { socketId: 'x', gapMs: 3 * MINUTE } },
      ),
    ]),
    'likely',
  ],
  [
    'tab_asleep',
    'a hidden page with a 2.x client',
    evidence([ended(MINUTE, { reason: 'ping_timeout' }, { protocol: 3 })]),
    'possible',
  ],
  ['proxy_timeout', 'four cuts at 60 s', evidence(everyMinute(4, MINUTE)), 'certain'],
  ['proxy_timeout', 'four cuts at an unknown age', evidence(everyMinute(4, 77 * SECOND)), 'likely'],
  [
    'proxy_timeout',
    'one cut after 100 s of silence',
    evidence([ended(5 * MINUTE, { idleMs: 100 * SECOND })]),
    'possible',
  ],
  ['proxy_timeout', 'four cuts after 77 s of silence', evidence(silences(77)), 'likely'],
  ['proxy_timeout', 'four cuts after 30 s of silence', evidence(silences(30)), 'certain'],
  [
    'stopped_retrying',
    'a kick a moment ago',
    evidence([
      ended(MINUTE, { by: 'gateway', reason: 'kicked', comesBack: false }, { openedAt: NOW - 70 * SECOND }),
    ]),
    'likely',
  ],
  [
    'not_sticky',
    'a session of another node',
    evidence([episode()], {
      nodes: 2,
      unknownSessions: [{ at: NOW, address: '192.0.2.1', isElsewhere: true, transport: 'polling' }],
    }),
    'certain',
  ],
  [
    'payload_too_large',
    'a message over the limit',
    evidence([ended(MINUTE, { by: 'gateway', reason: 'payload.too_large' })]),
    'certain',
  ],
  [
    'rooms_not_rejoined',
    'a new socket without rooms',
    evidence(brokenThenBack({ facts: joined('a', 'b') }, {})),
    'likely',
  ],
  [
    'not_recovered',
    'a return after the window',
    evidence([episode({ recovery: { outcome: 'not_recovered', why: 'window_over' } })]),
    'certain',
  ],
  [
    'received_twice',
    'two sockets of one page',
    evidence([episode(), episode({ openedAt: NOW - 10 * MINUTE + 300 })]),
    'likely',
  ],
  ['taken_over', 'two pages that come back in turn', evidence(takingTurns(6, {})), 'likely'],
  ['taken_over', 'the same, three times', evidence(takingTurns(3, {})), 'possible'],
  [
    'ack_missing',
    'a client that never acknowledges',
    evidence([episode({ facts: [{ at: NOW, kind: 'ack_missing', name: 'news', ms: 2_000 }] })]),
    'certain',
  ],
  [
    'held_online',
    'a broken connection within its window',
    evidence([ended(MINUTE)], { presence: { online: true, heldUntil: NOW + MINUTE } }),
    'certain',
  ],
  [
    'held_online',
    'an open connection without a pong',
    evidence([episode({ lastPongAt: NOW - 40 * SECOND })], { presence: { online: true, heldUntil: null } }),
    'likely',
  ],
  [
    'stopped_retrying',
    'a kick without return',
    evidence([ended(MINUTE, { by: 'gateway', reason: 'kicked', comesBack: false })]),
    'certain',
  ],
  [
    'stopped_retrying',
    'a refusal that a 4.x client heeds',
    evidence([
      episode({
        connectedAt: null,
        refusal: { code: 'auth.token_expired', cause: 'expired', stage: 'handshake' },
      }),
    ]),
    'likely',
  ],
  [
    'slow_consumer',
    'a client that does not read',
    evidence([ended(MINUTE, { by: 'gateway', reason: 'slow_consumer' })]),
    'certain',
  ],
  [
    'stuck_on_polling',
    'an upgrade that never ended',
    evidence([episode({ transport: 'polling', facts: [{ at: NOW, kind: 'upgrade_tried' }] })]),
    'likely',
  ],
  [
    'stuck_on_polling',
    'an upgrade that never ended, and silence after it',
    evidence([
      ended(
        MINUTE,
        { reason: 'ping_timeout' },
        { transport: 'polling', facts: [{ at: NOW, kind: 'upgrade_tried' }] },
      ),
    ]),
    'certain',
  ],
  ['stuck_on_polling', 'no upgrade that was seen', evidence([episode({ transport: 'polling' })]), 'possible'],
  [
    'flooding',
    'a client over its rate',
    evidence([episode({ facts: [{ at: NOW, kind: 'limit', code: 'limit.rate' }] })]),
    'likely',
  ],
  [
    'flooding',
    'rooms joined over the rate',
    evidence([episode({ facts: [{ at: NOW, kind: 'join_refused', name: 'r', code: 'limit.rate' }] })]),
    'likely',
  ],
  [
    'node_stalled',
    'a node that was late',
    evidence([ended(MINUTE, { reason: 'ping_timeout', loopLagMs: 30_000 })]),
    'certain',
  ],
  [
    'node_stalled',
    'a node that was late, and left its client time to answer',
    evidence([ended(MINUTE, { reason: 'ping_timeout', loopLagMs: 2_000 })]),
    'possible',
  ],
  [
    'ping_timeout',
    'silence that is longer than its node was late',
    evidence([ended(MINUTE, { reason: 'ping_timeout', loopLagMs: 2_000 })]),
    'likely',
  ],
  ['node_lost', 'a dead node', evidence([ended(MINUTE, { by: 'node', reason: 'node_lost' })]), 'certain'],
  ['deploy', 'a drain', evidence([ended(MINUTE, { by: 'gateway', reason: 'server.draining' })]), 'certain'],
];

/** What looks alike and must not give the finding. */
const LOOKALIKES: readonly (readonly [FindingId, string, Evidence])[] = [
  [
    'ping_timeout',
    'silence while the node stood still',
    evidence([ended(MINUTE, { reason: 'ping_timeout', loopLagMs: 30_000 })]),
  ],
  ['tab_asleep', 'silence of a desktop', evidence([ended(MINUTE, { reason: 'ping_timeout' })])],
  [
    'proxy_timeout',
    'a user who leaves every minute',
    evidence(everyMinute(5, MINUTE, { by: 'client', reason: 'client_namespace_disconnect' })),
  ],
  ['proxy_timeout', 'cuts at odd ages', evidence([3, 17, 48, 111, 260].map((s) => ended(s * SECOND)))],
  [
    'not_sticky',
    'one old session on a single node',
    evidence([episode()], {
      unknownSessions: [{ at: NOW, address: 'x', isElsewhere: false, transport: 'polling' }],
    }),
  ],
  [
    'rooms_not_rejoined',
    'a recovered socket',
    evidence(brokenThenBack({ facts: joined('a') }, { recovery: { outcome: 'recovered', why: null } })),
  ],
  [
    'rooms_not_rejoined',
    'a client that joins again',
    evidence(brokenThenBack({ facts: joined('a') }, { facts: joined('a') })),
  ],
  [
    'received_twice',
    'two devices',
    evidence([episode(), episode({ openedAt: NOW - 10 * MINUTE + 300, userAgent: PHONE })]),
  ],
  ['received_twice', 'a reload', evidence([ended(MINUTE), episode()])],
  ['taken_over', 'one page in place of an old one', evidence(takingTurns(2, {}))],
  [
    'taken_over',
    'connections that break one after the other',
    evidence(takingTurns(6, { by: 'network', reason: 'transport_close' })),
  ],
  [
    'taken_over',
    'all sockets of a user kicked at once, again and again',
    evidence(
      [1, 2, 3, 4, 5].flatMap((minute) =>
        [0, 1].map((index) =>
          ended(
            MINUTE - index * SECOND,
            { by: 'gateway', reason: 'kicked', comesBack: true },
            { openedAt: NOW - minute * 2 * MINUTE + index * SECOND, next: { socketId: 'x', gapMs: 500 } },
          ),
        ),
      ),
    ),
  ],
  [
    'held_online',
    'a user who is there',
    evidence([episode()], { presence: { online: true, heldUntil: null } }),
  ],
  [
    'stopped_retrying',
    'a client that left by itself',
    evidence([ended(MINUTE, { by: 'client', reason: 'client_namespace_disconnect', comesBack: false })]),
  ],
  [
    'stopped_retrying',
    'a refusal a moment ago',
    evidence([
      episode({ openedAt: NOW - SECOND, connectedAt: null, refusal: { code: 'x', cause: 'y', stage: 'z' } }),
    ]),
  ],
  [
    'stuck_on_polling',
    'a connection of a second ago',
    evidence([episode({ openedAt: NOW - SECOND, transport: 'polling' })]),
  ],
  [
    'flooding',
    'a full room',
    evidence([episode({ facts: [{ at: NOW, kind: 'limit', code: 'limit.rooms' }] })]),
  ],
  ['refused', 'a connection that its client closed', evidence([ended(MINUTE, LEFT)])],
  [
    'refused',
    'another client at the address of the user, or one before the user came',
    evidence([ended(MINUTE)], {
      nearby: [nameless({ userAgent: PHONE }), nameless({ openedAt: NOW - 60 * MINUTE })],
    }),
  ],
  [
    'join_refused',
    'a room that it joined later',
    evidence([
      episode({
        facts: [joinRefused('access.denied'), { at: NOW - MINUTE, kind: 'joined', name: 'board:1' }],
      }),
    ]),
  ],
  [
    'join_refused',
    'rooms that are joined over the rate',
    evidence([episode({ facts: [joinRefused('limit.rate')] })]),
  ],
  [
    'payload_too_large',
    'much that came in small messages',
    evidence([episode({ traffic: { ...episode().traffic, bytesIn: 10_000_000 } })]),
  ],
  [
    'not_recovered',
    'a client that never asked for its session',
    evidence(brokenThenBack({}, { recovery: null })),
  ],
  [
    'ack_missing',
    'a request that failed and was answered so',
    evidence([episode({ facts: [{ at: NOW, kind: 'request_failed', code: 'access.denied' }] })]),
  ],
  [
    'slow_consumer',
    'a client that was behind and read it all',
    evidence([episode({ traffic: { ...episode().traffic, unsentPeak: 900_000 } })]),
  ],
  ['node_stalled', 'a node that was a little late', evidence([ended(MINUTE, { loopLagMs: 200 })])],
  ['node_lost', 'a drain', evidence([ended(MINUTE, { by: 'gateway', reason: 'server.draining' })])],
  ['deploy', 'a dead node', evidence([ended(MINUTE, { by: 'node', reason: 'node_lost' })])],
  [
    'rooms_not_rejoined',
    'a socket to which more happened than is kept',
    evidence(brokenThenBack({ facts: joined('a', 'b') }, { isCut: true })),
  ],
];

const refusedWith = (code: string, cause: string): Evidence =>
  evidence([episode({ connectedAt: null, refusal: { code, cause, stage: 'namespace' } })]);

const DRAINED = { by: 'gateway', reason: 'server.draining' } as const;

/** Two causes of one finding: what is said of the one, and not of the other. */
const WORDS: readonly (readonly [FindingId, string, Evidence, string, string])[] = [
  [
    'refused',
    'a user with as many sockets as it may have',
    refusedWith('limit.sockets', 'this user has 5 sockets, which is the limit'),
    'SWITCHBOARD_MAX_SOCKETS_PER_USER',
    'SWITCHBOARD_MAX_SOCKETS_PER_IP',
  ],
  [
    'refused',
    'an address with as many sockets as it may have',
    refusedWith('limit.sockets', 'this address has 5 sockets, which is the limit'),
    'SWITCHBOARD_MAX_SOCKETS_PER_IP',
    'SWITCHBOARD_MAX_SOCKETS_PER_USER',
  ],
  [
    'refused',
    'a full node',
    refusedWith('limit.sockets', 'this node has as many sockets as it may have'),
    'SWITCHBOARD_MAX_CONNECTIONS',
    'SWITCHBOARD_MAX_SOCKETS',
  ],
  [
    'refused',
    'a blocked user',
    refusedWith('auth.revoked', 'the user is blocked'),
    'unblock the user',
    'issued after',
  ],
  [
    'refused',
    'revoked tokens',
    refusedWith('auth.revoked', 'the token is revoked by its jti'),
    'issued after the revocation',
    'unblock',
  ],
  [
    'payload_too_large',
    'messages before a connection that holds',
    evidence([
      ended(MINUTE, { by: 'gateway', reason: 'payload.too_large' }, { openedAt: NOW - 20 * MINUTE }),
      ended(MINUTE, { by: 'gateway', reason: 'payload.too_large' }, { openedAt: NOW - 18 * MINUTE }),
      episode(),
    ]),
    'it happened 2 times in 2 connections, the last at',
    'happens',
  ],
  [
    'flooding',
    'more than is kept',
    evidence([
      episode({
        isCut: true,
        facts: [{ at: NOW, kind: 'limit', code: 'limit.rate' }],
        traffic: { ...episode().traffic, eventsIn: 2_235 },
      }),
    ]),
    'at least 1 of 2235 events were answered with limit.rate',
    'over its rate',
  ],
  [
    'flooding',
    'a limit',
    evidence([episode({ facts: [{ at: NOW, kind: 'limit', code: 'limit.rate' }] })]),
    'it may send 50 events per second, and 200 at once',
    'at least',
  ],
  [
    'deploy',
    'a client that is not back',
    evidence([ended(MINUTE, DRAINED)]),
    'has not come back',
    'nothing:',
  ],
  [
    'deploy',
    'a client that is back',
    evidence([ended(MINUTE, DRAINED), episode({ openedAt: NOW - 5 * MINUTE })]),
    'nothing:',
    'has not come back',
  ],
  [
    'stopped_retrying',
    'a kick',
    evidence([ended(MINUTE, { by: 'gateway', reason: 'kicked', comesBack: false })]),
    'A backend or an operator disconnected this socket, not to come back',
    'mend',
  ],
  [
    'stopped_retrying',
    'a flood',
    evidence([ended(MINUTE, { by: 'gateway', reason: 'limit.rate', comesBack: false })]),
    'mend the cause',
    'operator',
  ],
];

const IDS_OF_RULES = RULES.map(({ id }) => id);

describe('explain', () => {
  it('[X2] has a case and a lookalike of each finding', () => {
    expect([...IDS_OF_RULES, 'nobody_matched'].toSorted()).toEqual([...FINDING_IDS].toSorted());
    for (const table of [CASES, LOOKALIKES]) {
      const covered = new Set<string>(table.map(([id]) => id));
      expect(IDS_OF_RULES.filter((id) => !covered.has(id))).toEqual([]);
    }
  });

  it.each(CASES)('[X2] finds %s: %s', (id, _, of, confidence) => {
    expect(found(of)).toMatchObject({ [id]: confidence });
  });

  it.each(LOOKALIKES)('[X2] does not find %s: %s', (id, _, of) => {
    expect(found(of)).not.toHaveProperty(id);
  });

  it('[X2] finds nothing where all is well', () => {
    const leftByThemselves = ended(7 * MINUTE, LEFT);
    expect(
      explain(evidence([leftByThemselves, episode()], { presence: { online: true, heldUntil: null } })),
    ).toEqual([]);
  });

  it('[X2] gives facts, steps and a page with each finding, the surest first, and the same for the same record', () => {
    for (const [, , of] of CASES) {
      const findings = explain(of);
      expect(explain(structuredClone(of))).toEqual(findings);
      for (const finding of findings) {
        expect(finding.doc).toBe(`/docs/why/${finding.id}`);
        expect(finding.because.length).toBeGreaterThan(0);
        expect(finding.try.length).toBeGreaterThan(0);
        expect(finding.because.join()).not.toMatch(/undefined|null|NaN/);
      }
      const ranks = findings.map(({ confidence }) => ['certain', 'likely', 'possible'].indexOf(confidence));
      expect(ranks).toEqual(ranks.toSorted());
    }
  });

  it.each(WORDS)('[X2] says of %s: %s', (id, _, of, said, unsaid) => {
    const finding = explain(of).find((each) => each.id === id);
    const text = JSON.stringify(finding);
    expect(text).toContain(said);
    expect(text).not.toContain(unsaid);
  });

  it('[X2] names the more special of two causes that are as sure first', () => {
    const asleep = ended(MINUTE, { reason: 'ping_timeout' }, { userAgent: PHONE });
    expect(explain(evidence([asleep])).map(({ id }) => id)).toEqual(['tab_asleep', 'ping_timeout']);
  });

  it('[X4] advises to mend the proxy first, and pings that come before the cut', () => {
    const [finding] = explain(evidence(silences(5)));
    expect(finding!.try[0]).toContain('time-out of the proxy');
    expect(finding!.try[1]).toContain('SWITCHBOARD_PING_INTERVAL_MS to 4000 or less');
  });

  it.each([30, 55, 60, 100, 120, 300, 350, 600])('[X4] names the time-out of %d s', (seconds) => {
    const [finding] = explain(evidence(everyMinute(5, seconds * SECOND)));
    expect(finding).toMatchObject({ id: 'proxy_timeout', confidence: 'certain' });
    expect(finding!.because.join()).toContain(`${seconds} s is the time-out of`);
  });
});

describe('docs/why', () => {
  it.each(FINDING_IDS)(
    '[X2] has a page for %s, with what it means, how sure, what to do and how to see it',
    async (id) => {
      const page = await readFile(new URL(`../../../docs/why/${id}.md`, import.meta.url), 'utf8');
      expect(page).toContain(`Finding \`${id}\``);
      for (const heading of ['What it means', 'How sure', 'What to do', 'How to see it for yourself']) {
        expect(page).toContain(`## ${heading}\n`);
      }
    },
  );
});
