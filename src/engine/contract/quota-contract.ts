import type { Publication } from '../../protocol/publication.js';
import {
  type CreateEngine,
  type EngineUnderTest,
  publicationTo,
  publishAndStamp,
  uniqueName,
} from './engine-under-test.js';

const ONE_MIB = 1_048_576;
const TEXT = 'x'.repeat(60_000);

/** What every engine keeps at most. [Q7] */
export function describeQuotas(create: CreateEngine): void {
  let test: EngineUnderTest;
  const start = async (maxHistoryBytes: number): Promise<void> => {
    const history = [{ pattern: 'chat:*', size: 1_000, ttlMs: 3_600_000 }];
    test = await create({ history, recoveryWindowMs: 1_000, maxHistoryBytes });
  };
  afterEach(() => test.close());

  const publish = async (room: string, more: Partial<Publication> = {}): Promise<void> => {
    await publishAndStamp(test, publicationTo({ rooms: [room] }, { args: [TEXT], ...more }));
  };
  const kept = async (room: string): Promise<number> => {
    const { publications } = await test.engine.history.read(room, { limit: 1_000 });
    return publications.length;
  };

  it('[Q7] all histories take no more than they may, and the oldest go first, whatever room they are in', async () => {
    await start(ONE_MIB);
    const rooms = Array.from({ length: 30 }, () => uniqueName('chat:'));
    const quiet = uniqueName('chat:');
    await publish(quiet, { args: ['a little'] });
    for (const room of rooms) await publish(room);
    const counts: number[] = [];
    for (const room of rooms) counts.push(await kept(room));
    const first = counts.indexOf(1);
    expect(first).toBeGreaterThan(10);
    expect(counts).toEqual(rooms.map((_, index) => (index < first ? 0 : 1)));
    expect((rooms.length - first) * TEXT.length).toBeLessThanOrEqual(ONE_MIB);
    expect(await kept(quiet)).toBe(0);
  });

  it('[Q7] a position from before what went is not covered, and offsets go on', async () => {
    await start(ONE_MIB);
    const room = uniqueName('chat:');
    await publish(room);
    const { epoch } = await test.engine.history.read(room, { limit: 1 });
    for (let number = 0; number < 30; number++) await publish(uniqueName('chat:'));
    const gone = await test.engine.history.read(room, { since: { epoch, offset: 0 }, limit: 10 });
    expect(gone).toMatchObject({ epoch, offset: 1, publications: [], covered: false });
    await publish(room);
    const next = await test.engine.history.read(room, { since: { epoch, offset: 1 }, limit: 10 });
    expect(next.publications.map(({ offset }) => offset)).toEqual([2]);
  });

  it('[Q7] a room takes no more than its share, and pushes out nothing of another', async () => {
    await start(4 * ONE_MIB);
    const [loud, quiet] = [uniqueName('chat:'), uniqueName('chat:')];
    await publish(quiet);
    for (let number = 0; number < 40; number++) await publish(loud);
    const count = await kept(loud);
    expect(count).toBeGreaterThan(5);
    expect(count * TEXT.length).toBeLessThanOrEqual(ONE_MIB);
    expect(await kept(quiet)).toBe(1);
    const page = await test.engine.history.read(loud, { limit: 1_000 });
    expect(page.publications.map(({ offset }) => offset)).toEqual(
      Array.from({ length: count }, (_, index) => 40 - count + 1 + index),
    );
  });

  it('[Q7] a user that has more kept within a minute than its share may publish no more into histories', async () => {
    await start(8 * ONE_MIB);
    const [ann, bob] = [uniqueName('ann-'), uniqueName('bob-')];
    const { history } = test.engine;
    await publish(uniqueName('chat:'), { user: ann });
    expect(history.overQuotaMs(ann)).toBe(0);
    for (let number = 0; number < 20; number++) await publish(uniqueName('chat:'), { user: ann });
    expect(history.overQuotaMs(ann)).toBeGreaterThan(0);
    expect(history.overQuotaMs(ann)).toBeLessThanOrEqual(60_000);
    expect(history.overQuotaMs(bob)).toBe(0);
  });

  it('[Q7] what a user publishes where nothing is kept counts for nothing', async () => {
    await start(8 * ONE_MIB);
    const ann = uniqueName('ann-');
    for (let number = 0; number < 20; number++) {
      await publish(uniqueName('plain:'), { user: ann });
      await publish(uniqueName('chat:'), { user: ann, volatile: true });
    }
    expect(test.engine.history.overQuotaMs(ann)).toBe(0);
  });

  it('[Q8] as many sessions of a user wait as it may have sockets, and the oldest end first', async () => {
    test = await create({ history: [], recoveryWindowMs: 60_000, maxSocketsPerUser: 3 });
    const { sessions } = test.engine;
    const [ann, bob] = [uniqueName('ann-'), uniqueName('bob-')];
    const detached = async (user: string): Promise<string> => {
      const sessionId = uniqueName('secret-');
      await sessions.open({ sessionId, socketId: uniqueName('s-'), user, namespace: '/', token: null });
      await sessions.detach(sessionId);
      await test.advance(2);
      return sessionId;
    };
    const ofBob = await detached(bob);
    const ofAnn: string[] = [];
    for (let number = 0; number < 5; number++) ofAnn.push(await detached(ann));
    const isThere = async (sessionId: string, user: string): Promise<boolean> =>
      (await sessions.claim(sessionId, { user, namespace: '/', cursor: undefined })) !== undefined;
    const there: boolean[] = [];
    for (const sessionId of ofAnn) there.push(await isThere(sessionId, ann));
    expect(there).toEqual([false, false, true, true, true]);
    expect(await isThere(ofBob, bob)).toBe(true);
  });

  it('[Q7] [H4] a user over its quota has nothing more kept for sessions either, and they are told so', async () => {
    await start(8 * ONE_MIB);
    const [ann, room, sessionId] = [uniqueName('ann-'), uniqueName('plain:'), uniqueName('secret-')];
    const { sessions } = test.engine;
    await sessions.open({ sessionId, socketId: uniqueName('s-'), user: 'bob', namespace: '/', token: null });
    await sessions.joined(sessionId, { room, meta: false, byRight: true });
    for (let number = 0; number < 20; number++) await publish(room, { user: ann });
    await sessions.detach(sessionId);
    const claim = await sessions.claim(sessionId, { user: 'bob', namespace: '/', cursor: undefined });
    expect(claim).toBeUndefined();
  });
}
