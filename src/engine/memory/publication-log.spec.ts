import { publicationTo } from '../contract/engine-under-test.js';
import { createMemoryEngine, type MemoryEngineUnderTest } from '../contract/memory-engine-under-test.js';
import { IDLE_KEEP_MS, MAX_IDLE_ROOMS } from './idle-rooms.js';

const HOUR_MS = 3_600_000;

describe('publication log', () => {
  let test: MemoryEngineUnderTest;

  const start = async (setup: Partial<Parameters<typeof createMemoryEngine>[0]> = {}) => {
    const history = [{ pattern: 'chat:*', size: 10_000, ttlMs: HOUR_MS }];
    test = await createMemoryEngine({ history, recoveryWindowMs: 10_000, ...setup });
  };
  const read = (room: string) => test.engine.history.read(room, { limit: 10_000 });

  afterEach(() => test.close());

  it('[H1] a publication that nothing keeps gets the same answer as the one before', async () => {
    await start();
    const first = test.engine.publish(publicationTo({ rooms: ['lobby'] }));
    expect(test.engine.publish(publicationTo({ all: true }))).toBe(first);
    test.engine.publish(publicationTo({ rooms: ['chat:a'] }));
    const later = test.engine.publish(publicationTo({ users: ['42'] }));
    expect(later).not.toBe(first);
    expect(test.engine.publish(publicationTo({ sockets: ['s'] }))).toBe(later);
    expect(test.engine.stats.publications).toBe(1);
  });

  it('[H1] when memory runs out, the oldest publications go first, whatever room they are in', async () => {
    await start({ maxHistoryBytes: 200_000 });
    const text = 'x'.repeat(1_000);
    for (let count = 0; count < 1_000; count++) {
      test.engine.publish(publicationTo({ rooms: [`chat:${count % 7}`] }, { args: [text, count] }));
    }
    const { bytes, publications } = test.engine.stats;
    expect(bytes).toBeLessThanOrEqual(200_000);
    const kept = Array.from({ length: 7 }, (_, room) => read(`chat:${room}`).publications)
      .flat()
      .map(({ args }) => Number(args[1]));
    expect(kept.sort((one, other) => one - other)).toEqual(
      Array.from({ length: publications }, (_, place) => 1_000 - publications + place),
    );
    expect(publications).toBeGreaterThan(50);
  });

  it('[H2] a publication that is larger than all memory is not kept, and missed', async () => {
    await start({ maxHistoryBytes: 65_536 });
    const { epoch } = read('chat:a');
    const { stamp } = test.engine.publish(
      publicationTo({ rooms: ['chat:a'] }, { args: [Buffer.alloc(100_000)] }),
    );
    expect(stamp!.positions?.get('chat:a')).toEqual({ epoch, offset: 1 });
    const since = { epoch, offset: 0 };
    expect(test.engine.history.read('chat:a', { since, limit: 1 })).toMatchObject({
      offset: 1,
      covered: false,
    });
    expect(test.engine.stats).toMatchObject({ publications: 0, bytes: 0 });
  });

  it('[H2] an empty room keeps its epoch for a day after its last use', async () => {
    await start();
    test.engine.publish(publicationTo({ rooms: ['chat:a'] }));
    const { epoch } = read('chat:a');
    await test.advance(2 * HOUR_MS);
    await test.advance(IDLE_KEEP_MS - 1_000);
    expect(read('chat:a')).toMatchObject({ epoch, offset: 1 });
    await test.advance(IDLE_KEEP_MS - 1_000);
    expect(read('chat:a')).toMatchObject({ epoch, offset: 1 });
    await test.advance(IDLE_KEEP_MS + 1_000);
    expect(test.engine.stats.rooms).toBe(0);
    const forgotten = read('chat:a');
    expect(forgotten.offset).toBe(0);
    expect(forgotten.epoch).not.toBe(epoch);
  });

  it('[H2] a room keeps its epoch while a session is in it, however long nothing is published', async () => {
    await start();
    const session = { sessionId: 'session', socketId: 's', user: '42', namespace: '/', token: null };
    test.engine.sessions.open(session);
    test.engine.sessions.joined('session', { room: 'chat:a', meta: true, byRight: true });
    const { epoch } = read('chat:a');
    await test.advance(3 * IDLE_KEEP_MS);
    expect(read('chat:a').epoch).toBe(epoch);
  });

  it('[H2] names of rooms that nobody publishes in take bounded memory', async () => {
    await start();
    const { epoch } = read('chat:first');
    for (let count = 0; count < MAX_IDLE_ROOMS + 10; count++) read(`chat:${count}`);
    expect(test.engine.stats.rooms).toBeLessThanOrEqual(MAX_IDLE_ROOMS);
    expect(read('chat:first').epoch).not.toBe(epoch);
  });

  it('[H1] a room without a history cannot be read', async () => {
    await start();
    const disabled = expect.objectContaining({ code: 'history.disabled' });
    expect(() => read('lobby')).toThrow(disabled);
    expect(() => test.engine.history.drop('lobby')).toThrow(disabled);
  });

  it('[H4] the name of a socket never stands for everyone', async () => {
    await start();
    test.engine.sessions.open({
      sessionId: 'session',
      socketId: 's',
      user: '42',
      namespace: '/',
      token: null,
    });
    for (const name of ['', '*', 'everyone', 'Symbol(everyone)', '__proto__']) {
      test.engine.publish(publicationTo({ sockets: [name], rooms: [name] }));
    }
    expect(test.engine.stats.publications).toBe(0);
  });
});
