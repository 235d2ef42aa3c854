import type { Episode, EpisodeFact } from '../episode.js';
import type { Delivered, PublicationStory } from '../publication-story.js';
import { storyFinding, VERDICTS, verdictOf, type Verdict } from './publication-verdict.js';

const AT = Date.UTC(2030, 0, 1);

const story = (more: Partial<PublicationStory> = {}): PublicationStory => ({
  id: 'p1',
  at: AT,
  event: 'news',
  by: { kind: 'key', name: 'shop' },
  namespace: '/',
  to: { rooms: ['lobby'] },
  except: {},
  volatile: false,
  matched: 1,
  nodes: [],
  exceptions: [],
  isCut: false,
  ...more,
});

const fact = (kind: EpisodeFact['kind'], name: string, at = AT - 1_000, code?: string): EpisodeFact => ({
  at,
  kind,
  name,
  ...(code !== undefined && { code }),
});

const socket = (more: Partial<Episode> = {}): Episode => ({
  socketId: 's1',
  user: 'ada',
  address: '192.0.2.1',
  node: 'n1',
  namespace: '/',
  protocol: 4,
  origin: null,
  userAgent: null,
  openedAt: AT - 5_000,
  connectedAt: AT - 5_000,
  endedAt: null,
  firstTransport: 'polling',
  transport: 'websocket',
  ping: { first: null, min: null, max: null, last: null },
  lastPongAt: null,
  lastInAt: null,
  traffic: { bytesIn: 0, bytesOut: 0, eventsIn: 0, eventsOut: 0, unsentPeak: 0 },
  refusal: null,
  recovery: null,
  facts: [fact('joined', 'lobby')],
  isCut: false,
  end: null,
  next: null,
  ...more,
});

const endedBefore = (more: Partial<Episode> = {}): Episode =>
  socket({
    socketId: 's0',
    connectedAt: AT - 60_000,
    endedAt: AT - 10_000,
    facts: [fact('joined', 'lobby', AT - 50_000)],
    ...more,
  });

const lost: Partial<Episode> = {
  endedAt: AT + 5_000,
  end: {
    by: 'node',
    reason: 'node_lost',
    comesBack: true,
    closeCode: null,
    idleMs: null,
    lastPongAgoMs: null,
    unsentBytes: null,
    behindForMs: null,
    loopLagMs: 0,
  },
};

const special = (what: Delivered['what'], socketId = 's1'): Partial<PublicationStory> => ({
  exceptions: [{ socketId, what, at: AT + 10 }],
});

const back = (outcome: 'recovered' | 'not_recovered'): Episode =>
  socket({ connectedAt: AT + 5_000, recovery: { outcome, why: null } });

const CASES: readonly (readonly [Verdict, string, PublicationStory | undefined, readonly Episode[]])[] = [
  ['acknowledged', 'a client that answered', story(special('acknowledged')), [socket()]],
  ['written', 'a socket in the room', story(), [socket()]],
  ['written', 'a socket of the user', story({ to: { users: ['ada'] } }), [socket({ facts: [] })]],
  ['written', 'everyone', story({ to: { all: true } }), [socket({ facts: [] })]],
  ['written', 'its own room by name', story({ to: { rooms: ['user:ada'] } }), [socket({ facts: [] })]],
  ['written', 'one socket in the room, one not', story(), [socket({ socketId: 's2', facts: [] }), socket()]],
  ['replayed', 'a session that came back', story(), [endedBefore(), back('recovered')]],
  ['waiting', 'a socket that catches up', story(special('waiting')), [socket()]],
  ['slow_consumer', 'a socket that did not read', story(special('slow_consumer')), [socket()]],
  [
    'volatile_dropped',
    'a busy socket',
    story({ volatile: true, ...special('volatile_dropped') }),
    [socket()],
  ],
  ['node_lost', 'a node that died at once', story(), [socket(lost)]],
  ['excluded', 'by room', story({ except: { rooms: ['lobby'] } }), [socket()]],
  ['excluded', 'by user', story({ except: { users: ['ada'] } }), [socket()]],
  [
    'join_refused',
    'a refused join',
    story(),
    [socket({ facts: [fact('join_refused', 'lobby', AT - 900, 'access.denied')] })],
  ],
  [
    'not_in_room',
    'a room that it was refused, got into later and left',
    story(),
    [
      socket({
        facts: [
          fact('join_refused', 'lobby', AT - 900, 'limit.rate'),
          fact('joined', 'lobby', AT - 800),
          fact('left', 'lobby', AT - 700),
        ],
      }),
    ],
  ],
  ['not_in_room', 'another room', story(), [socket({ facts: [fact('joined', 'hall')] })]],
  [
    'not_in_room',
    'a room that it had left',
    story(),
    [socket({ facts: [fact('joined', 'lobby', AT - 900), fact('left', 'lobby', AT - 800)] })],
  ],
  [
    'not_in_room',
    'a room that it joined later',
    story(),
    [socket({ facts: [fact('joined', 'lobby', AT + 1)] })],
  ],
  ['other_namespace', 'another namespace', story(), [socket({ namespace: '/admin' })]],
  ['offline', 'nobody there', story(), [endedBefore()]],
  ['offline', 'a new session afterwards', story(), [endedBefore(), back('not_recovered')]],
  [
    'offline',
    'a volatile publication while away',
    story({ volatile: true }),
    [endedBefore(), back('recovered')],
  ],
  ['no_record', 'a publication that is forgotten', undefined, [socket()]],
];

describe('verdicts on publications', () => {
  it.each(CASES)('[X3] %s: %s', (verdict, _, of, episodes) => {
    const read = verdictOf(of, 'ada', episodes);
    expect(read).toMatchObject({ verdict, because: expect.arrayContaining([expect.any(String)]) });
    expect(read.because.join()).not.toMatch(/undefined|null|Infinity/);
    expect(verdictOf(of, 'ada', structuredClone(episodes) as Episode[])).toEqual(read);
  });

  it('[X3] has a case for each verdict', () => {
    expect(new Set(CASES.map(([verdict]) => verdict))).toEqual(new Set(VERDICTS));
  });

  it("[X3] does not take another user's sockets for those of the user", () => {
    expect(verdictOf(story(), 'bob', [socket()])).toMatchObject({ verdict: 'offline' });
  });

  it('[X2] nobody_matched is found where nobody was there, and only there', () => {
    expect(storyFinding(story({ matched: 0 }))).toMatchObject({ confidence: 'certain' });
    expect(storyFinding(story())).toBeUndefined();
  });
});
