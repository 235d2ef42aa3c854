import { startGateway, type HttpAnswer, type TestGateway } from 'switchboard-gateway/testing';

interface Entry {
  id: string;
  offset: number;
  event: string;
  args: unknown[];
  user?: string;
}

interface HistoryAnswer {
  epoch: string;
  offset: number;
  publications: Entry[];
  more: boolean;
  recovered?: boolean;
}

interface ProblemAnswer {
  code: string;
  errors?: { path: string; message: string }[];
}

const RFC_3339 = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

describe('/v1/rooms/{room}/history', () => {
  let gateway: TestGateway;

  beforeEach(async () => {
    gateway = await startGateway({ history: 'chat:*=5/1h,other=100/1h' });
  });
  afterEach(() => gateway.close());

  const ask = <Body = HistoryAnswer>(room: string, query = ''): Promise<HttpAnswer<Body>> =>
    gateway.http<Body>('GET', `/v1/rooms/${encodeURIComponent(room)}/history${query}`);
  const read = async (room: string, query = ''): Promise<HistoryAnswer> => {
    const { status, body } = await ask(room, query);
    expect(status).toBe(200);
    return body;
  };
  const publish = async (room: string, ...args: unknown[]): Promise<string> => {
    const { body } = await gateway.http<{ id: string }>('POST', '/v1/emit', {
      to: { rooms: [room] },
      event: 'line',
      args,
    });
    return body.id;
  };
  const publishMany = async (room: string, count: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let n = 1; n <= count; n++) ids.push(await publish(room, n));
    return ids;
  };

  it('[H1] gives what was published, oldest first, with ID, offset, event and arguments', async () => {
    const ids = [await publish('chat:1', 'a', { b: [1] }), await publish('chat:1')];
    expect(await read('chat:1')).toEqual({
      epoch: expect.stringMatching(/^[\w-]+$/),
      offset: 2,
      publications: [
        { id: ids[0], offset: 1, event: 'line', args: ['a', { b: [1] }], at: RFC_3339 },
        { id: ids[1], offset: 2, event: 'line', args: [], at: RFC_3339 },
      ],
      more: false,
    });
  });

  it('[H1] names the user of what a client has sent, and nobody else', async () => {
    const ada = await gateway.connect({ auth: { user: 'ada' } });
    await ada.request('room:join', { room: 'chat:1' });
    const { id } = await ada.request('room:emit', { room: 'chat:1', event: 'said', args: ['hello'] });
    await publish('chat:1', 'by a backend');
    const { publications } = await read('chat:1');
    expect(publications).toEqual([
      { id, offset: 1, event: 'said', args: ['hello'], user: 'ada', at: RFC_3339 },
      { id: expect.any(String), offset: 2, event: 'line', args: ['by a backend'], at: RFC_3339 },
    ]);
  });

  it('[H1] a room that nobody ever published to has an empty history with an epoch', async () => {
    const empty = await read('chat:empty');
    expect(empty).toEqual({ epoch: expect.any(String), offset: 0, publications: [], more: false });
    // The position it gave is good from then on.
    await publish('chat:empty', 'first');
    const { recovered, publications } = await read('chat:empty', `?since=${empty.epoch}:0`);
    expect(recovered).toBe(true);
    expect(publications.map(({ args }) => args)).toEqual([['first']]);
  });

  it('[H1] keeps the last ones only; limit takes the last of these', async () => {
    const ids = await publishMany('chat:1', 7);
    const { offset, publications, more } = await read('chat:1');
    expect(offset).toBe(7);
    expect(more).toBe(false);
    expect(publications.map(({ id, offset: at }) => [id, at])).toEqual(
      ids.slice(2).map((id, index) => [id, index + 3]),
    );
    expect((await read('chat:1', '?limit=2')).publications.map(({ offset: at }) => at)).toEqual([6, 7]);
  });

  it('[D3] binary parts come as $base64, also deep inside', async () => {
    await publish('chat:1', { $base64: 'AQID' }, { deep: [{ $base64: '' }] });
    const { publications } = await read('chat:1');
    expect(publications[0]!.args).toEqual([{ $base64: 'AQID' }, { deep: [{ $base64: '' }] }]);
  });

  it('[D5] what was volatile is not in it', async () => {
    await gateway.http('POST', '/v1/emit', { to: { rooms: ['chat:1'] }, event: 'tick', volatile: true });
    expect(await read('chat:1')).toMatchObject({ offset: 0, publications: [] });
  });

  it('[H2] since gives exactly what came after it, page by page', async () => {
    await publishMany('other', 25);
    const { epoch } = await read('other');
    const seen: number[] = [];
    let at = 3;
    for (;;) {
      const page = await read('other', `?since=${epoch}:${at}&limit=10`);
      expect(page).toMatchObject({ epoch, offset: 25, recovered: true });
      seen.push(...page.publications.map(({ offset }) => offset));
      expect(page.more).toBe(seen.at(-1) !== 25);
      if (!page.more) break;
      at = seen.at(-1)!;
    }
    expect(seen).toEqual(Array.from({ length: 22 }, (_, index) => index + 4));
  });

  it('[H2] since at the end gives nothing and is recovered', async () => {
    await publishMany('chat:1', 3);
    const { epoch } = await read('chat:1');
    expect(await read('chat:1', `?since=${epoch}:3`)).toEqual({
      epoch,
      offset: 3,
      publications: [],
      more: false,
      recovered: true,
    });
  });

  it('[H2] a position that is trimmed, of the future or of another epoch is not recovered and gives no part', async () => {
    await publishMany('chat:1', 7);
    const { epoch } = await read('chat:1');
    for (const since of [`${epoch}:1`, `${epoch}:8`, 'another:7', `${epoch}:${Number.MAX_SAFE_INTEGER}`]) {
      const answer = await read('chat:1', `?since=${since}`);
      expect([since, answer]).toEqual([
        since,
        { epoch, offset: 7, publications: [], more: false, recovered: false },
      ]);
    }
    expect(await read('chat:1', `?since=${epoch}:2`)).toMatchObject({ recovered: true });
  });

  it('[H2] rooms have positions of their own', async () => {
    await publishMany('chat:1', 2);
    const { epoch } = await read('chat:1');
    await publishMany('chat:2', 2);
    expect(await read('chat:2', `?since=${epoch}:1`)).toMatchObject({ recovered: false, publications: [] });
  });

  it('[H1] [H2] DELETE forgets it; offsets go on and older positions are not recovered', async () => {
    await publishMany('chat:1', 3);
    const { epoch } = await read('chat:1');
    const { status, body } = await gateway.http('DELETE', '/v1/rooms/chat:1/history');
    expect([status, body]).toEqual([204, {}]);
    expect(await read('chat:1')).toMatchObject({ offset: 3, publications: [] });
    await publish('chat:1', 'after');
    expect(await read('chat:1')).toMatchObject({ publications: [{ offset: 4, args: ['after'] }] });
    expect(await read('chat:1', `?since=${epoch}:2`)).toMatchObject({ recovered: false, publications: [] });
    expect(await read('chat:1', `?since=${epoch}:3`)).toMatchObject({ recovered: true });
  });

  it.each(['GET', 'DELETE'])(
    '[H1] %s of a room without a rule is refused with history.disabled',
    async (method) => {
      const { status, body } = await gateway.http(method, '/v1/rooms/lobby/history');
      expect([status, body['code']]).toEqual([409, 'history.disabled']);
    },
  );

  it.each(['GET', 'DELETE'])(
    '[M2] %s of what is no room name is refused with room.invalid',
    async (method) => {
      const { status, body } = await gateway.http(method, '/v1/rooms/no%20room/history');
      expect([status, body['code']]).toEqual([400, 'room.invalid']);
    },
  );

  it.each([
    ['since', ''],
    ['since', 'epoch'],
    ['since', 'epoch:'],
    ['since', ':1'],
    ['since', 'epoch:-1'],
    ['since', 'epoch:1.5'],
    ['since', 'epoch:1e3'],
    ['since', 'epoch:9007199254740992'],
    ['since', 'epoch:1:2'],
    ['since', `${'e'.repeat(65)}:1`],
    ['since', 'e poch:1'],
    ['limit', '0'],
    ['limit', '1001'],
    ['limit', '1.5'],
    ['limit', 'all'],
  ])('[E2] %s=%j is refused with its name', async (name, value) => {
    const { status, body } = await ask<ProblemAnswer>('chat:1', `?${new URLSearchParams({ [name]: value })}`);
    expect([status, body.code]).toEqual([400, 'payload.invalid']);
    expect(body.errors!.map(({ path }) => path)).toEqual([name]);
    expect(body.errors![0]!.message).toMatch(/^expected /);
  });

  it('[E2] a parameter that is given twice is refused', async () => {
    const { status, body } = await ask<ProblemAnswer>('chat:1', '?since=a:1&since=a:2');
    expect([status, body.code]).toEqual([400, 'payload.invalid']);
  });

  it('[D4] what was answered to a publisher is in the history that is read next', async () => {
    const lost: string[] = [];
    for (let round = 0; round < 50; round++) {
      const id = await publish('other', round);
      const { publications } = await read('other', '?limit=1');
      if (publications[0]?.id !== id) lost.push(id);
    }
    expect(lost).toEqual([]);
  });
});
