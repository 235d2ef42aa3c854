import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { explain, explained, found } from '../../support/explained.js';

describe('GET /v1/explain', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ history: 'chat:*=10/1h' });
  });
  afterAll(() => gateway?.close());

  it('[X1] [X2] tells an open connection as it is, and finds nothing wrong with it', async () => {
    const ada = await gateway.connect({ auth: { user: 'ada' } });
    await ada.request('room:join', { room: 'lobby' });
    await ada.request('room:leave', { room: 'lobby' });
    await ada.request('room:join', { room: 'chat:1' });
    const answer = await explain(gateway, { user: 'ada' });
    expect(answer.subject).toEqual({ user: 'ada' });
    expect(answer.now).toMatchObject({ online: true, heldUntil: null, unanswered: [], nodes: 1 });
    expect(answer.now.sockets).toMatchObject([{ socketId: ada.id, rooms: ['chat:1'] }]);
    expect(answer.findings).toEqual([]);
    expect(answer.episodes).toHaveLength(1);
    expect(answer.episodes[0]).toMatchObject({
      socketId: ada.id,
      user: 'ada',
      address: '127.0.0.1',
      protocol: 4,
      firstTransport: 'websocket',
      transport: 'websocket',
      endedAt: null,
      end: null,
      refusal: null,
      traffic: { eventsIn: 3 },
    });
    expect(answer.episodes[0]!.facts.map(({ kind, name }) => [kind, name])).toEqual([
      ['joined', 'lobby'],
      ['left', 'lobby'],
      ['joined', 'chat:1'],
    ]);
    expect(await explain(gateway, { socket: ada.id! })).toMatchObject({
      subject: { socket: ada.id },
      episodes: [{ socketId: ada.id }],
    });
  });

  it('[X1] tells how a connection ended, and which came after it', async () => {
    const bob = await gateway.connect({ auth: { user: 'bob' } });
    const first = bob.id;
    bob.socket.close();
    await explained(gateway, { user: 'bob' }, ({ episodes }) => episodes[0]?.end !== null);
    bob.socket.open();
    await bob.next('connect');
    const { episodes, findings } = await explain(gateway, { user: 'bob' });
    expect(episodes).toHaveLength(2);
    expect(episodes[0]).toMatchObject({
      socketId: first,
      end: { by: 'client', reason: 'client_namespace_disconnect', comesBack: false },
      next: { socketId: bob.id },
    });
    expect(episodes[0]!.next!.gapMs).toBeGreaterThanOrEqual(0);
    expect(episodes[1]).toMatchObject({ socketId: bob.id, end: null, next: null });
    expect(findings).toEqual([]);
  });

  it.each([
    [2, 'websocket'],
    [2, 'polling'],
    [2, 'upgrade'],
    [4, 'websocket'],
    [4, 'polling'],
    [4, 'upgrade'],
  ] as const)(
    '[X1] counts events and bytes of a %i.x client by %s in both directions',
    async (version, transport) => {
      const user = `counted-${version}-${transport}`;
      const client = await gateway.connect({ version, transport, auth: { user } });
      const text = 'x'.repeat(1_000);
      for (let sent = 0; sent < 5; sent++) {
        expect((await client.request('room:emit', { room: 'r', event: 'e', args: [text] })).ok).toBe(false);
        await gateway.http('POST', '/v1/emit', { to: { users: [user] }, event: 'news', data: text });
        await client.next('news');
      }
      const { episodes } = await explain(gateway, { user });
      const { eventsIn, eventsOut, bytesIn, bytesOut } = episodes[0]!.traffic;
      expect({ eventsIn, eventsOut }).toEqual({ eventsIn: 5, eventsOut: 10 });
      expect(bytesIn).toBeGreaterThan(5_000);
      expect(bytesOut).toBeGreaterThan(5_000);
      expect(Math.max(bytesIn, bytesOut)).toBeLessThan(20_000);
      client.close();
    },
  );

  it('[X1] [X3] says of a socket to which more happened than is kept what is certain, and no more', async () => {
    const busy = await gateway.connect({ auth: { user: 'busy' } });
    for (let room = 0; room < 60; room++) await busy.request('room:join', { room: `busy-${room}` });
    const { episodes } = await explain(gateway, { user: 'busy' });
    expect(episodes).toMatchObject([{ isCut: true }]);
    expect(episodes[0]!.facts).toHaveLength(40);
    const verdictIn = async (room: string): Promise<string | undefined> => {
      const { body } = await gateway.http('POST', '/v1/emit', { to: { rooms: [room] }, event: 'x' });
      return (await explain(gateway, { publication: String(body['id']), user: 'busy' })).verdict;
    };
    expect(await verdictIn('busy-1')).toBe('written');
    expect(await verdictIn('busy-59')).toBe('written');
    expect(await verdictIn('elsewhere')).toBe('no_record');
  });

  it('[X2] [E4] refuses parameters that it does not know, and more than one subject', async () => {
    for (const query of ['', 'user=a&room=b', 'user=a&socket=b', 'publication=a&socket=b', 'user=']) {
      const { status, body } = await gateway.http('GET', `/v1/explain?${query}`);
      expect([query, status, body['code']]).toEqual([query, 400, 'payload.invalid']);
    }
  });

  it('[X2] knows nothing of whom it has never seen', async () => {
    expect(await explain(gateway, { user: 'nobody' })).toMatchObject({
      now: { online: false, sockets: [] },
      episodes: [],
      findings: [],
    });
    expect(await explain(gateway, { publication: 'none', user: 'nobody' })).toMatchObject({
      publication: null,
      verdict: 'no_record',
    });
  });

  it('[X2] [X3] nobody_matched: the story of a publication says so; not of one that reached somebody', async () => {
    const eve = await gateway.connect({ auth: { user: 'eve' } });
    await eve.request('room:join', { room: 'news' });
    const { body } = await gateway.http('POST', '/v1/emit', {
      to: { rooms: ['news'] },
      event: 'headline',
      args: ['secret text'],
    });
    await eve.next('headline');
    const answer = await explain(gateway, { publication: String(body['id']), user: 'eve' });
    expect(answer).toMatchObject({
      verdict: 'written',
      publication: {
        event: 'headline',
        by: { kind: 'app' },
        to: { rooms: ['news'] },
        matched: 1,
        nodes: [{ written: 1, dropped: 0, waiting: 0 }],
        isCut: false,
      },
    });
    expect(JSON.stringify(answer)).not.toContain('secret text');
    expect(found(answer)).toEqual([]);
    const { body: missed } = await gateway.http('POST', '/v1/emit', {
      to: { rooms: ['nowhere'] },
      event: 'x',
    });
    expect(found(await explain(gateway, { publication: String(missed['id']) }))).toEqual([
      'nobody_matched certain',
    ]);
  });
});

describe('GET /v1/explain, switched off', () => {
  it('[X7] says so', async () => {
    const gateway = await startGateway({ explainBytes: 0 });
    try {
      const ada = await gateway.connect({ auth: { user: 'ada' } });
      await ada.request('room:join', { room: 'lobby' });
      const { status, body } = await gateway.http('GET', '/v1/explain?user=ada');
      expect([status, body['code']]).toEqual([409, 'explain.disabled']);
    } finally {
      await gateway.close();
    }
  });
});
