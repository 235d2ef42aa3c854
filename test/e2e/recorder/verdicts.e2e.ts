/** Did this user get that publication? Each verdict, made for real. [X3] */
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { explain, explained } from '../../support/explained.js';
import { cutOff, stopReading } from '../../support/not-reading.js';

describe('the verdict on a publication', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ maxRoomsPerSocket: 1, maxBufferedBytes: 64_000_000 });
  });
  afterAll(() => gateway?.close());

  const emit = async (body: object): Promise<string> => {
    const answer = await gateway.http('POST', '/v1/emit', { event: 'x', ...body });
    expect([200, 202]).toContain(answer.status);
    return String(answer.body['id']);
  };
  const verdict = async (publication: string, user: string): Promise<string | undefined> =>
    (await explain(gateway, { publication, user })).verdict;

  it('[X3] written, not_in_room, excluded and offline', async () => {
    const inRoom = await gateway.connect({ auth: { user: 'in-room' } });
    await inRoom.request('room:join', { room: 'lobby' });
    await gateway.connect({ auth: { user: 'outside' } });
    const id = await emit({ to: { rooms: ['lobby'] } });
    expect(await verdict(id, 'in-room')).toBe('written');
    expect(await verdict(id, 'outside')).toBe('not_in_room');
    expect(await verdict(id, 'away')).toBe('offline');
    const except = await emit({ to: { rooms: ['lobby'] }, except: { users: ['in-room'] } });
    expect(await verdict(except, 'in-room')).toBe('excluded');
    const left = await inRoom.request('room:leave', { room: 'lobby' });
    expect(left.ok).toBe(true);
    expect(await verdict(await emit({ to: { rooms: ['lobby'] } }), 'in-room')).toBe('not_in_room');
    // What was true then stays true.
    expect(await verdict(id, 'in-room')).toBe('written');
    expect(await verdict('no-such-id', 'in-room')).toBe('no_record');
  });

  it('[X3] join_refused: it asked for the room and was not let in', async () => {
    const client = await gateway.connect({ auth: { user: 'too-many' } });
    await client.request('room:join', { room: 'first' });
    expect((await client.request('room:join', { room: 'second' })).ok).toBe(false);
    const answer = await explain(gateway, {
      publication: await emit({ to: { rooms: ['second'] } }),
      user: 'too-many',
    });
    expect(answer.verdict).toBe('join_refused');
    expect(answer.because!.join()).toContain('limit.rooms');
  });

  it('[X3] replayed: it came back with its session', async () => {
    const client = await gateway.connect({ auth: { user: 'returns', recovery: true } });
    await emit({ to: { users: ['returns'] }, event: 'first' });
    await client.next('first');
    cutOff(client);
    await client.next('disconnect');
    await explained(gateway, { user: 'returns' }, ({ episodes }) => episodes[0]?.end != null);
    const id = await emit({ to: { users: ['returns'] }, event: 'missed' });
    expect(await verdict(id, 'returns')).toBe('offline');
    client.socket.open();
    await client.next('missed');
    await explained(gateway, { publication: id, user: 'returns' }, (answer) => answer.verdict === 'replayed');
  });

  it('[X3] [D5] volatile_dropped: it was not ready', async () => {
    const client = await gateway.connect({ auth: { user: 'busy' } });
    stopReading(client);
    const data = 'x'.repeat(90_000);
    for (;;) {
      const id = await emit({ to: { users: ['busy'] }, volatile: true, data });
      if ((await verdict(id, 'busy')) !== 'volatile_dropped') continue;
      const { publication } = await explain(gateway, { publication: id });
      expect(publication!.nodes).toMatchObject([{ written: 0, dropped: 1 }]);
      return;
    }
  });

  it('[X6] a live trace tells what happens, without payloads', async () => {
    const abort = new AbortController();
    const response = await fetch(`${gateway.url}/v1/trace?user=seen`, { signal: abort.signal });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const lines = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const until = async (word: string): Promise<void> => {
      while (!text.includes(word)) text += (await lines.read()).value ?? '';
    };
    await until('begun');
    const seen = await gateway.connect({ auth: { user: 'seen' } });
    await seen.request('room:join', { room: 'lobby' });
    await emit({ to: { users: ['seen'] }, args: ['secret text'] });
    await emit({ to: { users: ['unseen'] }, event: 'not for her' });
    seen.socket.close();
    await until('disconnect');
    for (const type of ['connect', 'join', 'delivery', 'disconnect']) {
      expect(text).toContain(`"type":"${type}"`);
    }
    expect(text).not.toContain('secret text');
    expect(text).not.toContain('not for her');
    abort.abort();
    const { status } = await gateway.http('GET', '/v1/trace?user=a&room=b');
    expect(status).toBe(400);
  });

  it('[X2] [X5] pages of findings are served, and the heaviest are listed', async () => {
    const page = await fetch(`${gateway.url}/docs/why/proxy_timeout`);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(await page.text()).toContain('<h1>');
    const { body } = await gateway.http('GET', '/v1/top?by=publications&of=room');
    expect((body['items'] as { name: string }[]).map(({ name }) => name)).toContain('lobby');
  });
});
