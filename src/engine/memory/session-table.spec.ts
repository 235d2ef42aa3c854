import { publicationTo } from '../contract/engine-under-test.js';
import { createMemoryEngine, type MemoryEngineUnderTest } from '../contract/memory-engine-under-test.js';
import type { Claim } from '../sessions.js';

const WINDOW_MS = 10_000;
const SESSION = { sessionId: 'session', socketId: 'socket', user: '42', namespace: '/', token: null };
const REQUEST = { user: '42', namespace: '/', cursor: undefined };
const GONE = { code: 'engine.unavailable' };

describe('session table', () => {
  let test: MemoryEngineUnderTest;

  const start = async (setup: Partial<Parameters<typeof createMemoryEngine>[0]> = {}) => {
    test = await createMemoryEngine({ history: [], recoveryWindowMs: WINDOW_MS, ...setup });
    test.engine.sessions.open(SESSION);
  };
  const claim = (): Claim | undefined => test.engine.sessions.claim('session', REQUEST);
  /** An engine in this process answers at once, and so throws at once. */
  const missed = (given: Claim | undefined) => Array.from(given!.missed() as Iterable<unknown>);

  afterEach(() => test.close());

  it('[H4] a claim whose client went away again is void once another has the session', async () => {
    await start();
    test.engine.sessions.detach('session');
    const first = claim();
    test.engine.sessions.detach('session');
    const second = claim();
    first!.release();
    expect(() => missed(first)).toThrow(expect.objectContaining(GONE));
    expect(missed(second)).toEqual([]);
    expect(test.engine.stats).toMatchObject({ sessions: 1, waitingSessions: 0 });
  });

  it('[H4] a client that has the last it was sent is back, however much has gone since that was not for it', async () => {
    await start({ maxHistoryBytes: 4_000 });
    const { cursor } = test.engine.publish(publicationTo({ users: ['42'] })).stamp!;
    for (let count = 0; count < 50; count++) {
      test.engine.publish(publicationTo({ all: true }, { except: { users: ['42'] } }));
    }
    test.engine.sessions.detach('session', { cursor });
    expect(test.engine.sessions.claim('session', { ...REQUEST, cursor })).toBeDefined();
  });

  it('[A6] a session that is closed while its client comes in is not caught up', async () => {
    await start();
    test.engine.sessions.detach('session');
    const given = claim();
    test.engine.sessions.closeOf({ user: '42' });
    expect(() => missed(given)).toThrow(expect.objectContaining(GONE));
    expect(test.engine.stats.sessions).toBe(0);
  });

  it('[H4] a session is not caught up with a part when memory runs out while its client comes in', async () => {
    await start({ maxHistoryBytes: 4_000 });
    test.engine.sessions.detach('session');
    test.engine.publish(publicationTo({ all: true }));
    const given = claim();
    for (let count = 0; count < 10; count++) test.engine.publish(publicationTo({ all: true }));
    expect(() => missed(given)).toThrow(expect.objectContaining(GONE));
    expect(claim()).toBeUndefined();
  });

  it('[H4] what was published before a break was noticed is still there at the end of the window', async () => {
    await start({ pingIntervalMs: 3_000, pingTimeoutMs: 2_000 });
    test.engine.publish(publicationTo({ all: true }));
    // The connection is gone, and nobody knows until the next check fails.
    await test.advance(5_000);
    test.engine.sessions.detach('session');
    await test.advance(WINDOW_MS - 1);
    expect(missed(claim())).toHaveLength(1);
  });

  it('[H4] with a window of 0 a session ends with its connection', async () => {
    await start({ recoveryWindowMs: 0 });
    test.engine.sessions.detach('session');
    expect(claim()).toBeUndefined();
    expect(test.engine.stats).toMatchObject({ sessions: 0, waitingSessions: 0, rooms: 0 });
  });

  it('[H4] sessions that nobody comes back for end and leave nothing behind', async () => {
    await start();
    const { engine } = test;
    for (let count = 0; count < 1_000; count++) {
      const sessionId = `session-${count}`;
      engine.sessions.open({ ...SESSION, sessionId, socketId: `socket-${count}` });
      engine.sessions.joined(sessionId, { room: 'room', meta: false, byRight: true });
      engine.publish(publicationTo({ rooms: ['room'] }));
      engine.sessions.detach(sessionId);
    }
    engine.sessions.close('session');
    expect(engine.stats).toMatchObject({ sessions: 1_000, waitingSessions: 1_000, publications: 1_000 });
    await test.advance(WINDOW_MS);
    expect(engine.stats).toEqual({
      publications: 0,
      bytes: 0,
      rooms: 0,
      sessions: 0,
      waitingSessions: 0,
      keys: 0,
    });
  });
});
