/** Each finding, made for real, beside something that looks alike and does not give it. [X2] */
import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { CuttingProxy } from '../../support/cutting-proxy.js';
import { CHROME, connect, examinedGateways, hasEnded, PHONE } from '../../support/examined-gateways.js';
import { explain, explained, found, foundIn } from '../../support/explained.js';
import { cutOff, stopReading } from '../../support/not-reading.js';
import { OTHER_SECRET, SECRET, inSeconds, sign } from '../../support/tokens.js';

describe('findings of one node', () => {
  const { opened, begin } = examinedGateways();

  it('[X2] ping_timeout, tab_asleep: a network that is gone, a phone that comes back; not a client that answers', async () => {
    const gateway = await begin({ pingIntervalMs: 100, pingTimeoutMs: 1_500 });
    const proxy = await CuttingProxy.to(gateway.port);
    opened.push(proxy);
    const through = async (user: string, userAgent: string): Promise<TestClient> => {
      const client = await connect(gateway, user, userAgent);
      client.socket.close();
      (client.socket.io as unknown as { uri: string }).uri = proxy.url;
      client.socket.open();
      await client.next('connect');
      return client;
    };
    await through('desk', CHROME);
    await connect(gateway, 'well', PHONE);
    const phone = await through('phone', PHONE);
    proxy.abandon();
    const desk = await foundIn(gateway, { user: 'desk' }, 'ping_timeout');
    expect(desk).toMatchObject({ confidence: 'certain', doc: '/docs/why/ping_timeout' });
    expect(desk.because.join()).toContain('ended with a ping time-out');
    expect(found(await explain(gateway, { user: 'desk' })).join()).not.toContain('tab_asleep');
    expect(found(await explain(gateway, { user: 'well' }))).toEqual([]);
    await hasEnded(gateway, 'phone', 2);
    await proxy.mend();
    phone.socket.close();
    phone.socket.open();
    await phone.next('connect');
    const slept = await explain(gateway, { user: 'phone' });
    expect(slept.episodes.find(({ end }) => end?.reason === 'ping_timeout')).toMatchObject({
      end: { by: 'network', comesBack: true },
      next: { socketId: phone.id },
    });
    expect(found(slept).map((each) => each.split(' ')[0])).toContain('tab_asleep');
  });

  it('[X2] [X4] proxy_timeout: cut at the same age again and again; not where the client goes by itself', async () => {
    const gateway = await begin();
    for (let time = 0; time < 4; time++) {
      const cut = await connect(gateway, 'cut');
      cutOff(cut);
      const gone = await connect(gateway, 'gone');
      gone.socket.close();
    }
    await hasEnded(gateway, 'cut', 4);
    await hasEnded(gateway, 'gone', 4);
    const finding = await foundIn(gateway, { user: 'cut' }, 'proxy_timeout');
    expect(finding.confidence).toBe('likely');
    expect(finding.because.join()).toContain('close code 1006');
    expect(found(await explain(gateway, { user: 'gone' }))).toEqual([]);
  });

  it('[X2] payload_too_large: a message over the limit; not one within it', async () => {
    const gateway = await begin({ maxPayloadBytes: 1_000 });
    const big = await connect(gateway, 'big');
    const small = await connect(gateway, 'small');
    small.emit('x', 'y'.repeat(500));
    big.emit('x', 'y'.repeat(5_000));
    const finding = await foundIn(gateway, { user: 'big' }, 'payload_too_large');
    expect(finding).toMatchObject({ confidence: 'certain' });
    expect(JSON.stringify(finding)).not.toContain('yyy');
    expect(found(await explain(gateway, { user: 'small' }))).toEqual([]);
  });

  it('[X2] ack_missing: a client that does not acknowledge; not one that does', async () => {
    const gateway = await begin();
    await connect(gateway, 'mute');
    const polite = await connect(gateway, 'polite');
    polite.socket.on('ask', (...args: unknown[]) => (args.at(-1) as (answer: string) => void)('yes'));
    const asked = await gateway.http('POST', '/v1/emit', {
      to: { users: ['mute', 'polite'] },
      event: 'ask',
      ack: { timeoutMs: 500 },
    });
    expect(asked.status).toBe(200);
    const finding = await foundIn(gateway, { user: 'mute' }, 'ack_missing');
    expect(finding).toMatchObject({ confidence: 'certain', title: 'The client did not acknowledge ask' });
    expect(found(await explain(gateway, { user: 'polite' }))).toEqual([]);
    const verdict = await explain(gateway, { publication: String(asked.body['id']), user: 'polite' });
    expect(verdict.verdict).toBe('acknowledged');
  });

  it('[X2] slow_consumer: a client that does not read; not one that does', async () => {
    const gateway = await begin({ maxBufferedBytes: 100_000 });
    const slow = await connect(gateway, 'slow');
    await connect(gateway, 'fast');
    stopReading(slow);
    let last = '';
    const text = 'z'.repeat(90_000);
    for (let sent = 0; sent < 400; sent++) {
      const { body } = await gateway.http('POST', '/v1/emit', {
        to: { users: ['slow', 'fast'] },
        event: 'x',
        data: text,
      });
      if (body['matched'] !== 2) break;
      last = String(body['id']);
    }
    const finding = await foundIn(gateway, { user: 'slow' }, 'slow_consumer');
    expect(finding.confidence).toBe('certain');
    expect(found(await explain(gateway, { user: 'fast' }))).toEqual([]);
    expect((await explain(gateway, { publication: last, user: 'slow' })).verdict).toBe('slow_consumer');
    expect((await explain(gateway, { publication: last, user: 'fast' })).verdict).toBe('written');
  });

  it('[X2] stuck_on_polling: still on polling after ten seconds; not after its upgrade', async () => {
    const gateway = await begin();
    await gateway.connect({ auth: { user: 'stuck' }, transport: 'polling' });
    await gateway.connect({ auth: { user: 'moves' }, transport: 'upgrade' });
    const moved = await explained(
      gateway,
      { user: 'moves' },
      ({ episodes }) => episodes[0]?.transport === 'websocket',
    );
    expect(moved.episodes[0]).toMatchObject({ firstTransport: 'polling' });
    expect(moved.episodes[0]!.facts.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['upgrade_tried', 'upgraded']),
    );
    const finding = await foundIn(gateway, { user: 'stuck' }, 'stuck_on_polling');
    expect(finding.because.join()).toContain('no attempt to upgrade reached the gateway');
    expect(found(await explain(gateway, { user: 'moves' }))).toEqual([]);
  });

  it('[X2] flooding: faster than it may; not as fast as it may', async () => {
    const gateway = await begin({ eventsPerSecond: 1, eventsBurst: 5, maxRoomsPerSocket: 5 });
    const calm = await connect(gateway, 'calm');
    await calm.request('socket:info', {});
    const wild = await connect(gateway, 'wild');
    for (let sent = 0; sent < 7; sent++) wild.emit('socket:info', {}, () => undefined);
    expect((await foundIn(gateway, { user: 'wild' }, 'flooding')).confidence).toBe('likely');
    for (let sent = 0; sent < 300; sent++) wild.emit('socket:info', {}, () => undefined);
    await hasEnded(gateway, 'wild');
    expect((await foundIn(gateway, { user: 'wild' }, 'flooding')).confidence).toBe('certain');
    expect(found(await explain(gateway, { user: 'calm' }))).toEqual([]);
  });

  it('[X2] node_stalled: its clients seemed silent because it stood still itself; not one that was cut off before', async () => {
    const gateway = await begin({ pingIntervalMs: 200, pingTimeoutMs: 300 });
    cutOff(await connect(gateway, 'cut'));
    await hasEnded(gateway, 'cut');
    await connect(gateway, 'ada');
    await new Promise((resolve) => setTimeout(resolve, 300));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500);
    await hasEnded(gateway, 'ada');
    const answer = await explain(gateway, { user: 'ada' });
    expect(found(answer).map((each) => each.split(' ')[0])).toContain('node_stalled');
    expect(found(answer).map((each) => each.split(' ')[0])).not.toContain('ping_timeout');
    expect(found(await explain(gateway, { user: 'cut' })).join()).not.toContain('node_stalled');
  });

  it('[X2] join_refused: a room that its token does not allow; not one that it joined after all', async () => {
    const { key, entry } = createApiKey('reader', ['read']);
    const gateway = await begin({ jwtSecret: SECRET, apiKeys: entry });
    const headers = { authorization: `Bearer ${key}` };
    const join = async (sub: string, rooms: readonly string[]): Promise<string[]> => {
      const caps = [{ room: 'public:*', allow: ['join'] }];
      const client = await gateway.connect({
        auth: { token: await sign({ sub, caps, exp: inSeconds(600) }) },
      });
      for (const room of rooms) await client.request('room:join', { room });
      return found(await explain(gateway, { user: sub }, headers));
    };
    expect(await join('outsider', ['public:1', 'board:1'])).toEqual(['join_refused certain']);
    expect(await join('member', ['public:1'])).toEqual([]);
  });

  it('[X2] refused: a client that forgot its token, by the user who was there before; not one of another make', async () => {
    const { key, entry } = createApiKey('reader', ['read']);
    const gateway = await begin({ jwtSecret: SECRET, apiKeys: entry });
    const headers = { authorization: `Bearer ${key}` };
    const client = await gateway.connect({
      auth: { token: await sign({ sub: 'ada', exp: inSeconds(600) }) },
      client: { extraHeaders: { 'user-agent': CHROME } },
    });
    client.socket.close();
    await explained(gateway, { user: 'ada' }, ({ episodes }) => episodes[0]?.end != null, headers);
    const nobody = async (userAgent: string): Promise<string[]> => {
      const other = gateway.open({ auth: {}, client: { extraHeaders: { 'user-agent': userAgent } } });
      await other.next('connect_error');
      return found(await explain(gateway, { user: 'ada' }, headers));
    };
    expect(await nobody(PHONE)).toEqual([]);
    expect(await nobody(CHROME)).toEqual(['refused possible']);
  });

  it('[X2] refused: a namespace that nobody serves, by the user that was claimed; not one that is served', async () => {
    const gateway = await begin();
    const lost = gateway.open({ auth: { user: 'lost' }, namespace: '/nowhere' });
    await lost.next('connect_error');
    await connect(gateway, 'at-home');
    const finding = await foundIn(gateway, { user: 'lost' }, 'refused');
    expect(finding.title).toContain('namespace.unknown');
    expect(found(await explain(gateway, { user: 'at-home' }))).toEqual([]);
  });

  it('[X2] refused: its cause is the true one, by the user that was claimed and by the address; not one that got in', async () => {
    const gateway = await begin({
      jwtSecret: SECRET,
      jwtIssuer: 'us',
      corsOrigins: 'https://good.example',
    });
    const good = { sub: 'ada', iss: 'us', exp: inSeconds(600) };
    const cases: readonly (readonly [user: string, token: string | undefined, cause: RegExp])[] = [
      ['expired', await sign({ ...good, sub: 'expired', exp: inSeconds(-300) }), /expired \d+ s ago/],
      ['early', await sign({ ...good, sub: 'early', nbf: inSeconds(300) }), /not valid for \d+ s yet/],
      ['forged', await sign({ ...good, sub: 'forged' }, { key: OTHER_SECRET }), /signature|key/i],
      ['foreign', await sign({ ...good, sub: 'foreign', iss: 'them' }), /iss/i],
    ];
    const { recorder, ring } = await localRecord(gateway);
    for (const [user, token, cause] of cases) {
      const client = gateway.open({ auth: { token } });
      await client.next('connect_error');
      const [episode] = ring().filter((each) => each.user === user);
      expect([user, episode?.refusal?.cause]).toEqual([user, expect.stringMatching(cause)]);
      expect(JSON.stringify(episode)).not.toContain(token!.split('.')[2]!);
    }
    const nobody = gateway.open({ auth: {} });
    await nobody.next('connect_error');
    const page = gateway.open({
      auth: { token: await sign(good) },
      client: { extraHeaders: { origin: 'https://bad.example' } },
    });
    await page.next('connect_error');
    const welcome = gateway.open({ auth: { token: await sign({ ...good, sub: 'welcome' }) } });
    await welcome.next('connect');
    expect(ring().filter((each) => each.user === 'welcome')).toEqual([]);
    const codes = recorder.ofAddress('127.0.0.1').map(({ refusal }) => refusal?.code);
    expect(codes).toEqual(
      expect.arrayContaining(['auth.token_missing', 'origin.refused', 'auth.token_expired']),
    );
  });
});

/** A secured gateway answers `explain` to keys only; these tests are about what is recorded. */
async function localRecord(gateway: TestGateway) {
  const { FlightRecorder } = await import('../../../src/recorder/flight-recorder.js');
  const { refusals } = gateway.app.get(FlightRecorder, { strict: false });
  return { recorder: refusals, ring: () => refusals.ofAddress('127.0.0.1') };
}
