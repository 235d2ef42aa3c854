/** What a connection may do and cost before its identity is settled. */
import { WebSocketGateway } from '@nestjs/websockets';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import type { Namespace } from 'socket.io';
import { startGateway, type StartOptions, type TestGateway } from 'switchboard-gateway/testing';
import { SocketControl } from '../../../src/backend/socket-control.js';
import { expectUndisturbed } from '../../support/arrivals.js';
import { clientsOf } from '../../support/client-matrix.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { closeEmbeddings, counted, startEmbedding } from '../../support/embedding.js';
import { RawPolling, RawWebSocket } from '../../support/raw-clients.js';
import { sendRaw, upgradeRaw } from '../../support/raw-http.js';
import { forge, inSeconds, refusalOf, SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const started: TestGateway[] = [];
const start = async (options: StartOptions = {}): Promise<TestGateway> => {
  const gateway = await startGateway(options);
  started.push(gateway);
  return gateway;
};
const warnings: Error[] = [];
const note = (warning: Error): unknown => warnings.push(warning);
beforeAll(() => process.on('warning', note));
afterAll(() => process.off('warning', note));
afterEach(async () => {
  await Promise.all(started.splice(0).map((gateway) => gateway.close()));
  expect(warnings.filter(({ name }) => name === 'MaxListenersExceededWarning')).toEqual([]);
});

/** The close code of WebSocket for it. */
const POLICY_VIOLATION = 1008;

const FORGED = forge({ alg: 'HS256' }, { sub: 'mallory' }, 'AAAA');
const SECURED = { jwtSecret: SECRET };

describe('requests to enter before the first one has been let in', () => {
  it.each([
    ['one request again and again', '40'],
    ['namespaces that nobody serves', '40/a,'],
    ['forged tokens', `40{"token":"${FORGED}"}`],
  ])('[L11] 99 kB of them in one body end the connection and cost nothing: %s', async (_what, packet) => {
    const gateway = await start(SECURED);
    const bystander = await gateway.connect({ auth: { token: await sign({ sub: 'ada' }) } });
    const raw = await RawPolling.open(gateway.url);
    await raw.post(`${packet}\u001e`.repeat(Math.floor(99_000 / (packet.length + 1))));
    await raw.pollUntilGone();
    expect(await counted(gateway, 'refusals_total')).toBeLessThan(2);
    await expectUndisturbed(bystander);
  });

  it('[L11] end with the first refusal: what comes after it is not answered, and the connection is cut off', async () => {
    const gateway = await start(SECURED);
    const raw = await RawWebSocket.open(gateway.url);
    raw.send(`40{"token":"${FORGED}"}`);
    expect(await raw.next('44')).toContain('auth.token_invalid');
    raw.send(`40{"token":"${await sign({ sub: 'ada' })}"}`);
    for (let count = 0; count < 1_000; count++) raw.send('40/nowhere,');
    await raw.closed;
    expect(raw.frames.filter((frame) => String(frame).startsWith('44'))).toHaveLength(1);
    expect((await gateway.registry.getStats()).sockets).toBe(0);
    expect(await counted(gateway, 'refusals_total')).toBe(1);
  });

  it('[L11] are few, also where each is for another namespace that takes its time', async () => {
    const asked: string[] = [];
    @WebSocketGateway({ namespace: /^\/team-\d+$/ })
    class Teams {
      afterInit(server: Namespace): void {
        // It never decides.
        server.use(({ nsp }) => void asked.push(nsp.name));
      }
    }
    const gateway = await startEmbedding({ providers: [Teams] });
    try {
      const raw = await RawWebSocket.open(gateway.url);
      // Each of the first ones in a turn of its own, so that it is seen to take its time.
      for (let count = 0; count < 10; count++) {
        raw.send(`40/team-${count},`);
        await until('the app is asked', () => asked.length > count);
      }
      for (let count = 10; count < 1_000; count++) raw.send(`40/team-${count},`);
      await raw.closed;
      expect(asked.length).toBeGreaterThan(0);
      expect(asked.length).toBeLessThan(20);
    } finally {
      await closeEmbeddings();
    }
  });

  it('[L11] end with a namespace that nobody serves', async () => {
    const gateway = await start(SECURED);
    const raw = await RawWebSocket.open(gateway.url);
    raw.send('40/a,');
    raw.send('40/b,');
    await raw.closed;
    expect(raw.frames.filter((frame) => String(frame).startsWith('44'))).toEqual([
      expect.stringContaining('namespace.unknown'),
    ]);
  });

  it('[L11] [L2] a client that carries a socket is refused another one and keeps the first', async () => {
    const gateway = await start();
    const raw = await RawWebSocket.connect(gateway.url);
    for (let count = 0; count < 12; count++) raw.send('40/nowhere,');
    for (let count = 0; count < 12; count++) expect(await raw.next('44')).toContain('namespace.unknown');
    raw.send('421["socket:info"]');
    expect(await raw.next('43')).toContain('"ok":true');
    raw.close();
  });

  it('[Q8] have a rate once a socket is in', async () => {
    const gateway = await start();
    const raw = await RawWebSocket.connect(gateway.url);
    for (let count = 0; count < 200; count++) raw.send('40/nowhere,');
    await raw.closed;
    expect(await counted(gateway, 'refusals_total')).toBeLessThan(100);
  });
});

describe('connections without a socket', () => {
  it('[L11] are ended when they have joined no namespace within 10 s', async () => {
    const gateway = await start();
    const raw = await RawWebSocket.open(gateway.url);
    await raw.closed;
    expect(raw.frames).toHaveLength(1);
  });

  it('[L11] are counted by address from their first request', async () => {
    const gateway = await start({ maxSocketsPerIp: 5, trustedProxies: 1 });
    const open = (): Promise<number> =>
      sendRaw(gateway.url, {
        path: '/socket.io/?EIO=4&transport=polling',
        headers: { 'x-forwarded-for': '192.0.2.1' },
      }).then(({ status }) => status);
    const answers = await Promise.all(Array.from({ length: 100 }, open));
    expect(answers.filter((status) => status === 200).length).toBeLessThan(50);
    expect(answers.filter((status) => status === 403).length).toBeGreaterThan(50);
    // Others are not affected.
    expect(await upgradeRaw(gateway.url, { 'x-forwarded-for': '192.0.2.2' })).toBeUndefined();
  });

  it('[L11] from one address leave a part of the handshakes of a second to others', async () => {
    const gateway = await start({ handshakesPerSecond: 20, trustedProxies: 1 });
    const opened = async (address: string, count: number): Promise<number> => {
      const path = '/socket.io/?EIO=4&transport=polling';
      const headers = { 'x-forwarded-for': address };
      const asked = Array.from({ length: count }, () => sendRaw(gateway.url, { path, headers }));
      return (await Promise.all(asked)).filter(({ status }) => status === 200).length;
    };
    const [greedy, other] = await Promise.all([opened('192.0.2.1', 60), opened('192.0.2.2', 2)]);
    expect(greedy).toBeGreaterThan(0);
    expect(other).toBe(2);
  });

  it('[L11] are counted in total, whatever addresses they come from', async () => {
    const gateway = await start({ maxConnections: 5, trustedProxies: 1 });
    const open = (_: unknown, n: number): Promise<number> =>
      sendRaw(gateway.url, {
        path: '/socket.io/?EIO=4&transport=polling',
        headers: { 'x-forwarded-for': `192.0.2.${n}` },
      }).then(({ status }) => status);
    const answers = await Promise.all(Array.from({ length: 100 }, open));
    expect(answers.filter((status) => status === 200).length).toBeLessThan(50);
    expect(answers.filter((status) => status === 403).length).toBeGreaterThan(50);
  });

  it('[L11] may not send a message in ever so small pieces', async () => {
    const gateway = await start();
    // With a socket: without one it is ended in a while whatever it sends.
    const raw = await RawWebSocket.connect(gateway.url);
    raw.sendBytes([0x01, 0x81, 0, 0, 0, 0, 0x34]);
    for (let count = 0; count < 2_000; count++) raw.sendBytes([0x00, 0x81, 0, 0, 0, 0, 0x30]);
    expect(await raw.closed).toBe(POLICY_VIOLATION);
    expect((await gateway.http('GET', '/health/live')).status).toBe(200);
  });
});

describe('heartbeats and acknowledgements', () => {
  it('[Q8] in numbers that no client needs end the socket', async () => {
    const logger = new CollectingLogger();
    const gateway = await start({ logger });
    const raw = await RawWebSocket.connect(gateway.url);
    for (let count = 0; count < 300; count++) raw.send('3');
    await raw.closed;
    expect((await logger.until('a user disconnected')).fields).toMatchObject({ reason: 'limit.rate' });
  });

  it('[Q8] that nobody waits for end the socket when there are too many', async () => {
    const logger = new CollectingLogger();
    const gateway = await start({ logger, eventsPerSecond: 5, eventsBurst: 10 });
    const raw = await RawWebSocket.connect(gateway.url);
    for (let count = 0; count < 300; count++) raw.send(`43${count}[]`);
    await raw.closed;
    expect((await logger.until('a user disconnected')).fields).toMatchObject({ reason: 'limit.rate' });
  });
});

describe('an answer to a poll', () => {
  it.each([3, 4] as const)(
    '[D5] holds at most 16 packets, and nothing is lost, protocol %s',
    async (protocol) => {
      const gateway = await start();
      const raw = await RawPolling.open(gateway.url, { protocol });
      if (protocol === 4) await raw.post('40');
      await until('it is in', async () => (await gateway.registry.getStats()).sockets === 1);
      const commands = Array.from({ length: 40 }, (_, n) => ({
        emit: { to: { all: true }, event: 'tick', args: [n] },
      }));
      expect((await gateway.http('POST', '/v1/batch', { commands })).status).toBe(200);
      const ticks: number[] = [];
      while (ticks.length < 40) {
        const { text } = await raw.poll();
        const packets = text.match(/42\["tick",\d+\]/g) ?? [];
        expect(packets.length).toBeLessThanOrEqual(16);
        ticks.push(...packets.map((packet) => Number(/\d+(?=\])/.exec(packet)![0])));
      }
      expect(ticks).toEqual(Array.from({ length: 40 }, (_, n) => n));
    },
  );
});

describe('a client that is refused', () => {
  it.each(clientsOf([2, 4]))(
    '[L10] is logged once with the true cause, v$version by $transport',
    async (how) => {
      const logger = new CollectingLogger();
      const gateway = await start({ ...SECURED, logger });
      const token = await sign({ sub: 'ada', exp: Math.floor(inSeconds(-312)) });
      const client = gateway.open({ ...how, auth: { token } });
      expect(await refusalOf(client)).toMatchObject({ code: 'auth.token_expired' });
      const line = await logger.until('a client was refused');
      expect(line.fields).toMatchObject({
        code: 'auth.token_expired',
        why: expect.stringMatching(/^expired 31\d s ago$/),
        stage: 'namespace',
        address: '127.0.0.1',
        claimedUser: 'ada',
        protocol: how.version === 2 ? 3 : 4,
      });
      expect(JSON.stringify(line.fields)).not.toContain(token);
    },
  );

  it.each([
    ['its user is blocked', { sub: 'eve' }, 'the user is blocked'],
    ['it is revoked', { sub: 'ada', jti: 'lost' }, 'the token is revoked by its jti'],
    [
      'it is old',
      { sub: 'ann', iat: 1_000 },
      'tokens of the user issued before 1970-01-01T00:33:20.000Z are revoked, and this one was at 1970-01-01T00:16:40.000Z',
    ],
    ['nobody knows how old it is', { sub: 'ann' }, 'tokens of the user without iat are revoked'],
    ['it names no user', { info: 1 }, 'sub: expected a user name'],
  ])('[L10] is logged with what is wrong with its token: %s', async (_what, claims, why) => {
    const logger = new CollectingLogger();
    const gateway = await start({ ...SECURED, logger });
    const control = gateway.app.get(SocketControl);
    await control.block('eve');
    await control.revoke({ jti: 'lost' });
    await control.revoke({ user: 'ann', issuedBefore: 2_000 });
    expect(await refusalOf(gateway.open({ auth: { token: await sign(claims) } }))).toMatchObject({
      code: expect.stringMatching(/^auth\.(?:revoked|token_invalid)$/),
    });
    expect((await logger.until('a client was refused')).fields).toMatchObject({ why });
  });

  it('[L10] is one line a second for one code and address, and then a count', async () => {
    const logger = new CollectingLogger();
    const gateway = await start({ ...SECURED, logger });
    const headers = { origin: 'http://evil.example', 'user-agent': 'evil/1' };
    for (let count = 0; count < 5; count++) expect(await upgradeRaw(gateway.url, headers)).toBeDefined();
    expect((await logger.until('more clients were refused')).fields).toMatchObject({
      code: 'origin.refused',
      address: '127.0.0.1',
      count: expect.any(Number),
    });
    const [line] = logger.find('a client was refused');
    expect(line!.fields).toMatchObject({
      stage: 'request',
      origin: 'http://evil.example',
      userAgent: 'evil/1',
    });
    expect(logger.find('a client was refused').length).toBeLessThan(5);
  });

  it('[L10] comes back when its token is not valid yet by less than a minute', async () => {
    const gateway = await start(SECURED);
    const early = gateway.open({
      auth: { token: await sign({ sub: 'ada', nbf: Math.floor(inSeconds(40)) }) },
    });
    const refusal = await refusalOf(early);
    expect(refusal).toMatchObject({ code: 'auth.token_invalid', retryable: true });
    expect(refusal['retryAfterMs']).toBeGreaterThan(20_000);
    expect(refusal['retryAfterMs']).toBeLessThan(41_000);
    const ahead = await gateway.connect({
      auth: { token: await sign({ sub: 'bob', iat: Math.floor(inSeconds(40)) }) },
    });
    await expectUndisturbed(ahead);
    const far = gateway.open({ auth: { token: await sign({ sub: 'ada', nbf: Math.floor(inSeconds(90)) }) } });
    expect(await refusalOf(far)).toMatchObject({ code: 'auth.token_invalid', retryable: false });
  });
});

describe('the socket ID of a 2.x client', () => {
  it('[A9] is no credential: who knows it cannot poll, send, or take the connection over', async () => {
    const gateway = await start(SECURED);
    const token = await sign({ sub: 'ada' });
    const raw = await RawPolling.open(gateway.url, { protocol: 3, query: { token } });
    await until('it is in', async () => (await gateway.registry.getStats()).sockets === 1);
    const sid = /"sid":"([^"]+)"/.exec(raw.opening)![1]!;
    const path = `/socket.io/?EIO=3&transport=polling&sid=${sid}`;
    expect((await sendRaw(gateway.url, { path })).status).toBe(400);
    expect((await sendRaw(gateway.url, { path: `${path}&token=other` })).status).toBe(400);
    const body = '21:421["room:leave",{"a":1}]';
    expect((await sendRaw(gateway.url, { method: 'POST', path, body })).status).toBe(400);
    expect(await upgradeRaw(gateway.url, {}, { EIO: '3', sid })).toMatchObject({ status: 400 });
    // It goes on for the client itself.
    expect((await raw.post('2:2x')).status).toBe(200);
    expect((await gateway.registry.getStats()).sockets).toBe(1);
  });

  it.each([
    ['nothing', ''],
    ['what anybody may guess', '&room=lobby&v=3'],
  ])('[A9] is bound to its address where it presented %s', async (_what, query) => {
    const gateway = await start({ trustedProxies: 1 });
    const path = `/socket.io/?EIO=3&transport=polling${query}`;
    const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address });
    const { text } = await sendRaw(gateway.url, { path, headers: from('192.0.2.1') });
    const ofSession = `${path}&sid=${/"sid":"([^"]+)"/.exec(text)![1]}`;
    const body = '2:2x';
    const statusFrom = async (address: string): Promise<number> =>
      (await sendRaw(gateway.url, { method: 'POST', path: ofSession, headers: from(address), body })).status;
    expect(await statusFrom('192.0.2.2')).toBe(400);
    expect(await statusFrom('192.0.2.1')).toBe(200);
  });

  it('[A9] goes on from another address with a secret of the app', async () => {
    const gateway = await start({ trustedProxies: 1 });
    const path = '/socket.io/?EIO=3&transport=polling&session=0123456789abcdef';
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    const { text } = await sendRaw(gateway.url, { path, headers });
    const sid = /"sid":"([^"]+)"/.exec(text)![1];
    const again = { method: 'POST', body: '2:2x', headers: { 'x-forwarded-for': '192.0.2.2' } };
    expect((await sendRaw(gateway.url, { ...again, path: `${path}&sid=${sid}` })).status).toBe(200);
    const other = path.replace('abcdef', 'abcdeX');
    expect((await sendRaw(gateway.url, { ...again, path: `${other}&sid=${sid}` })).status).toBe(400);
  });

  it('[A9] needs its Authorization header again', async () => {
    const gateway = await start(SECURED);
    const path = '/socket.io/?EIO=3&transport=polling';
    const headers = { authorization: `Bearer ${await sign({ sub: 'ada' })}` };
    const { text } = await sendRaw(gateway.url, { path, headers });
    const ofSession = `${path}&sid=${/"sid":"([^"]+)"/.exec(text)![1]}`;
    const post = async (more: object): Promise<number> =>
      (await sendRaw(gateway.url, { method: 'POST', path: ofSession, body: '2:2x', ...more })).status;
    expect(await post({})).toBe(400);
    expect(await post({ headers: { authorization: `Bearer ${await sign({ sub: 'eve' })}` } })).toBe(400);
    expect(await post({ headers })).toBe(200);
  });

  it('[A9] is no way into a connection by WebSocket either', async () => {
    const gateway = await start();
    const client = await gateway.connect({ version: 2, transport: 'websocket' });
    const refused = await upgradeRaw(gateway.url, {}, { EIO: '3', sid: client.id! });
    expect(refused).toMatchObject({ status: 400 });
    await client.settled();
  });

  it('[A9] stock 2.x clients poll, send and upgrade with what they presented', async () => {
    const gateway = await start(SECURED);
    const client = await gateway.connect({
      version: 2,
      transport: 'upgrade',
      auth: { token: await sign({ sub: 'ada' }) },
    });
    await client.settled();
    await expect(client.request('socket:info')).resolves.toMatchObject({ ok: true, user: 'ada' });
  });
});

describe('a request that offers another protocol', () => {
  it('[Q5] is answered 431 when headers of it may be missing', async () => {
    const gateway = await start();
    const { port } = gateway;
    const socket = connectTcp(port, '127.0.0.1');
    let said = '';
    socket.on('data', (data) => (said += String(data)));
    socket.on('error', () => {});
    const many = Array.from({ length: 1_100 }, (_, n) => `x${n}: y\r\n`).join('');
    const inner = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
    socket.write(
      `POST /v1/emit HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: foo\r\n${many}Content-Length: ${inner.length}\r\n\r\n${inner}`,
    );
    await once(socket, 'close');
    expect(said).toMatch(/^HTTP\/1\.1 431 /);
    expect(said.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it('[Q5] is no failure of the gateway when its connection is reset meanwhile', async () => {
    const gateway = await start();
    const many = Array.from({ length: 1_100 }, (_, n) => `x${n}: y\r\n`).join('');
    const request = `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: foo\r\n${many}\r\n`;
    for (let count = 0; count < 20; count++) {
      const socket = connectTcp(gateway.port, '127.0.0.1');
      socket.on('error', () => {});
      await new Promise((resolve) => socket.write(request + 'x'.repeat(200_000), resolve));
      socket.resetAndDestroy();
    }
    expect((await gateway.http('GET', '/health/live')).status).toBe(200);
  });
});
