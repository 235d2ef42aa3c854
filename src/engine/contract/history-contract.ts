import type { Position, Publication } from '../../protocol/publication.js';
import type { HistoryPage } from '../log.js';
import {
  type CreateEngine,
  type EngineTraits,
  type EngineUnderTest,
  publicationTo,
  publishAndStamp,
  uniqueName,
} from './engine-under-test.js';

const SIZE = 5;

/** What every engine does with histories. [H1] [H2] */
export function describeHistory(create: CreateEngine, { lifeMs }: EngineTraits): void {
  let test: EngineUnderTest;
  let room: string;

  beforeEach(async () => {
    const hour = 3_600_000;
    const history = [
      { pattern: 'chat:brief:*', size: 100, ttlMs: lifeMs / 2 },
      { pattern: 'chat:*', size: SIZE, ttlMs: hour },
      { pattern: 'exact', size: 1, ttlMs: hour },
    ];
    test = await create({ history, recoveryWindowMs: lifeMs });
    room = uniqueName('chat:');
  });

  afterEach(() => test.close());

  const publish = async (count: number, to = room): Promise<string[]> => {
    const ids: string[] = [];
    for (let index = 0; index < count; index++) {
      const publication = publicationTo({ rooms: [to] });
      await publishAndStamp(test, publication);
      ids.push(publication.id);
    }
    return ids;
  };
  const read = async (since?: Position, limit = 100, of = room): Promise<HistoryPage> =>
    test.engine.history.read(of, { since, limit });
  const idsOf = ({ publications }: HistoryPage): string[] => publications.map(({ id }) => id);
  const offsetsOf = ({ publications }: HistoryPage): number[] => publications.map(({ offset }) => offset);

  it('[H1] rooms that match a rule keep history, others do not', () => {
    const { history } = test.engine;
    expect(['chat:a', 'chat:', 'exact'].map((name) => history.keeps(name))).toEqual([true, true, true]);
    expect(['cha', 'exact2', 'xchat:a', ''].map((name) => history.keeps(name))).toEqual(Array(4).fill(false));
  });

  it('[H2] a room that nothing was published in has an epoch that stays, and offset 0', async () => {
    const first = await read();
    expect(first).toEqual({
      epoch: expect.any(String),
      offset: 0,
      publications: [],
      more: false,
      covered: true,
    });
    expect(first.epoch.length).toBeGreaterThan(0);
    expect(await read({ epoch: first.epoch, offset: 0 })).toEqual(first);
    const ids = await publish(2);
    const after = await read({ epoch: first.epoch, offset: 0 });
    expect([after.epoch, idsOf(after)]).toEqual([first.epoch, ids]);
  });

  it('[H1] a publication is read as it was published, binary parts too', async () => {
    const args = [{ text: 'Grüße', deep: [1, null, true] }, Buffer.from([0, 1, 254, 255])];
    const publication = publicationTo({ rooms: [room] }, { args, user: '42', event: 'said' });
    await publishAndStamp(test, publication);
    const { publications } = await read();
    expect(publications).toEqual([{ id: publication.id, offset: 1, event: 'said', args, user: '42' }]);
    await publish(1);
    expect((await read()).publications[1]).not.toHaveProperty('user');
  });

  it('[H2] [Q3] gives much in several pages, each of which follows the one before', async () => {
    const text = 'x'.repeat(3_000_000);
    for (let count = 0; count < SIZE; count++) {
      await publishAndStamp(test, publicationTo({ rooms: [room] }, { args: [text] }));
    }
    const { epoch } = await read(undefined, 1);
    const pages: number[][] = [];
    for (let since = 0; since < SIZE; since = pages.at(-1)!.at(-1)!) {
      const page = await read({ epoch, offset: since });
      expect([page.covered, page.more]).toEqual([true, offsetsOf(page).at(-1)! < SIZE]);
      pages.push(offsetsOf(page));
    }
    expect(pages.flat()).toEqual([1, 2, 3, 4, 5]);
    expect(pages.length).toBeGreaterThan(1);
    expect((await read()).more).toBe(true);
  });

  it('[H1] [D3] what says by itself what it is in JSON is read as that, beside binary parts and not', async () => {
    const bytes = Buffer.from([0, 255]);
    const entity = { secret: 'hunter2', toJSON: () => ({ id: 7, since: new Date(0), face: bytes }) };
    for (const args of [
      [new Date(0), [new URL('http://localhost/')]],
      [{ at: new Date(0), bytes }],
      [entity],
    ]) {
      await publishAndStamp(test, publicationTo({ rooms: [room] }, { args }));
    }
    const since = '1970-01-01T00:00:00.000Z';
    expect((await read()).publications.map(({ args }) => args)).toEqual([
      [since, ['http://localhost/']],
      [{ at: since, bytes }],
      [{ id: 7, since, face: bytes }],
    ]);
  });

  it('[H2] every room counts its own publications from 1, and the stamp names the place in each', async () => {
    const other = uniqueName('chat:');
    await publish(2);
    const publication = publicationTo({ rooms: [room, other, room, uniqueName('plain-')] });
    const { positions } = await publishAndStamp(test, publication);
    const pages = [await read(), await read(undefined, 100, other)];
    expect([...(positions ?? [])].sort()).toEqual(
      [
        [room, { epoch: pages[0]!.epoch, offset: 3 }],
        [other, { epoch: pages[1]!.epoch, offset: 1 }],
      ].sort(),
    );
    expect(pages.map(offsetsOf)).toEqual([[1, 2, 3], [1]]);
    expect(pages.map((page) => idsOf(page).at(-1))).toEqual([publication.id, publication.id]);
  });

  it('[H1] publications to everyone, to users and to sockets are in no history of a room', async () => {
    await read();
    const targets = [{ all: true } as const, { users: ['42'] }, { sockets: [room] }, {}];
    for (const to of targets) {
      expect((await publishAndStamp(test, publicationTo(to))).positions).toBeUndefined();
    }
    expect(await read()).toMatchObject({ offset: 0, publications: [] });
  });

  it('[D5] a volatile publication is not kept and carries the place of what was before it', async () => {
    await publish(1);
    const { epoch } = await read();
    const stamp = await publishAndStamp(test, publicationTo({ rooms: [room] }, { volatile: true }));
    expect([...(stamp.positions ?? [])]).toEqual([[room, { epoch, offset: 1 }]]);
    expect(offsetsOf(await read())).toEqual([1]);
  });

  it('[H1] keeps the last publications of the rule, and their offsets go on', async () => {
    const ids = await publish(SIZE + 3);
    const page = await read();
    expect(page).toMatchObject({ offset: SIZE + 3, more: false, covered: true });
    expect(idsOf(page)).toEqual(ids.slice(3));
    expect(offsetsOf(page)).toEqual([4, 5, 6, 7, 8]);
  });

  it('[H2] what came after a position is whole or nothing', async () => {
    const ids = await publish(SIZE + 3);
    const { epoch } = await read();
    const offset = SIZE + 3;
    for (let since = 0; since <= offset; since++) {
      const page = await read({ epoch, offset: since });
      const isCovered = since >= 3;
      expect({ since, ...page, publications: idsOf(page) }).toEqual({
        since,
        epoch,
        offset,
        publications: isCovered ? ids.slice(since) : [],
        more: false,
        covered: isCovered,
      });
    }
  });

  it('[H2] a position of the future or of another epoch is not covered', async () => {
    await publish(2);
    const { epoch } = await read();
    const nothing = { epoch, offset: 2, publications: [], more: false, covered: false };
    expect(await read({ epoch, offset: 3 })).toEqual(nothing);
    expect(await read({ epoch: `${epoch}x`, offset: 1 })).toEqual(nothing);
    expect(await read({ epoch: '', offset: 2 })).toEqual(nothing);
    expect(await read({ epoch, offset: -1 })).toEqual(nothing);
  });

  it('[H2] pages after a position give everything once, in order', async () => {
    const ids = await publish(SIZE);
    let since: Position = { epoch: (await read()).epoch, offset: 0 };
    const walked: string[] = [];
    const more: boolean[] = [];
    for (let page = await read(since, 2); ; page = await read(since, 2)) {
      expect(page.covered).toBe(true);
      walked.push(...idsOf(page));
      more.push(page.more);
      if (!page.more) break;
      since = { epoch: page.epoch, offset: page.publications.at(-1)!.offset };
    }
    expect([walked, more]).toEqual([ids, [true, true, false]]);
  });

  it('[H1] without a position the last ones are given', async () => {
    const ids = await publish(SIZE);
    const page = await read(undefined, 2);
    expect(idsOf(page)).toEqual(ids.slice(-2));
    expect(page).toMatchObject({ more: false, covered: true });
  });

  it('[H1] publications go when they are too old; positions before them are no longer covered', async () => {
    room = uniqueName('chat:brief:');
    const ids = await publish(3);
    const { epoch } = await read();
    expect(idsOf(await read({ epoch, offset: 0 }))).toEqual(ids);
    await test.advance(2 * lifeMs);
    expect(await read()).toEqual({ epoch, offset: 3, publications: [], more: false, covered: true });
    expect(await read({ epoch, offset: 2 })).toMatchObject({ publications: [], covered: false });
    expect(await read({ epoch, offset: 3 })).toMatchObject({ publications: [], covered: true });
    const [next] = await publish(1);
    const after = await read({ epoch, offset: 3 });
    expect([after.epoch, idsOf(after), offsetsOf(after)]).toEqual([epoch, [next], [4]]);
  });

  it('[H1] shows nothing that is only kept for sessions', async () => {
    const { sessions } = test.engine;
    const session = {
      sessionId: uniqueName('session-'),
      socketId: uniqueName('s-'),
      user: '42',
      namespace: '/',
      token: null,
    };
    const brief = uniqueName('chat:brief:');
    await sessions.open(session);
    for (const each of [room, brief]) {
      await sessions.joined(session.sessionId, { room: each, meta: false, byRight: true });
    }
    const ids = await publish(SIZE + 2);
    await publish(2, brief);
    const { epoch } = await read(undefined, 100, brief);
    await test.advance(lifeMs * 0.75);
    expect(idsOf(await read())).toEqual(ids.slice(2));
    expect(idsOf(await read(undefined, 100, brief))).toEqual([]);
    expect(await read({ epoch, offset: 0 }, 100, brief)).toMatchObject({ publications: [], covered: false });
  });

  it('[H2] a dropped history goes on with its offsets; older positions are no longer covered', async () => {
    await publish(3);
    const { epoch } = await read();
    await test.engine.history.drop(room);
    expect(await read()).toEqual({ epoch, offset: 3, publications: [], more: false, covered: true });
    expect(await read({ epoch, offset: 2 })).toMatchObject({ publications: [], covered: false });
    const ids = await publish(2);
    expect(offsetsOf(await read())).toEqual([4, 5]);
    expect(idsOf(await read({ epoch, offset: 3 }))).toEqual(ids);
  });

  it('[H2] publications of one turn have the order in which they were published', async () => {
    const publications: Publication[] = Array.from({ length: SIZE }, () => publicationTo({ rooms: [room] }));
    await Promise.all(publications.map((publication) => publishAndStamp(test, publication)));
    expect(idsOf(await read())).toEqual(publications.map(({ id }) => id));
  });
}
