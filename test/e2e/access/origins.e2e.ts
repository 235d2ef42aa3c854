import { startGateway, type StartOptions, type TestGateway } from 'switchboard-gateway/testing';
import { eventsAt } from '../../support/arrivals.js';
import { sendRaw, upgradeRaw, type RawAnswer } from '../../support/raw-http.js';

const LISTED = 'https://app.example.com';
const HANDSHAKE = '/socket.io/?EIO=4&transport=polling';

type Headers = Readonly<Record<string, string>>;

describe('origins', () => {
  const started: TestGateway[] = [];
  const start = async (options: StartOptions = {}): Promise<TestGateway> => {
    const gateway = await startGateway(options);
    started.push(gateway);
    return gateway;
  };
  afterEach(() => Promise.all(started.splice(0).map((gateway) => gateway.close())));

  /** The three ways in, and whether each is open to a request with these headers. */
  const ways = async (gateway: TestGateway, headers: Headers): Promise<Record<string, boolean>> => {
    const api = await sendRaw(gateway.url, { path: '/v1/stats', headers });
    const polling = await sendRaw(gateway.url, { path: HANDSHAKE, headers });
    const upgrade = await upgradeRaw(gateway.url, headers);
    for (const refused of [api, polling, upgrade])
      if (refused && refused.status !== 200) expectRefusal(refused);
    return { api: api.status === 200, polling: polling.status === 200, websocket: upgrade === undefined };
  };
  const expectRefusal = (answer: RawAnswer): void => {
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.text).toContain('origin.refused');
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  };
  const OPEN = { api: true, polling: true, websocket: true };
  const SHUT = { api: false, polling: false, websocket: false };

  describe('in open mode', () => {
    const cases: [string, (port: number) => Headers, object][] = [
      ['no origin', () => ({}), OPEN],
      ['the gateway’s own origin', (port) => ({ origin: `http://127.0.0.1:${port}` }), OPEN],
      ['localhost on another port', () => ({ origin: 'http://localhost:5173' }), OPEN],
      ['127.0.0.1 on another port', () => ({ origin: 'http://127.0.0.1:8080' }), OPEN],
      ['[::1]', () => ({ origin: 'http://[::1]:8080' }), OPEN],
      ['a page of the web', () => ({ origin: 'https://evil.example' }), SHUT],
      ['a name that only starts like localhost', () => ({ origin: 'http://localhost.evil.example' }), SHUT],
      ['an address that only looks like loopback', () => ({ origin: 'http://127.0.0.1.evil.example' }), SHUT],
      ['null', () => ({ origin: 'null' }), SHUT],
      ['an empty origin', () => ({ origin: '' }), SHUT],
      ['text that is no origin', () => ({ origin: 'localhost' }), SHUT],
      ['a foreign name for this machine', (port) => ({ host: `evil.example:${port}` }), SHUT],
      [
        'a foreign name for this machine, as its own origin',
        (port) => ({ host: `evil.example:${port}`, origin: `http://evil.example:${port}` }),
        SHUT,
      ],
    ];

    it.each(cases)('[A5] [C4] %s', async (_, headers, expected) => {
      const gateway = await start();
      expect(await ways(gateway, headers(gateway.port))).toEqual(expected);
    });

    it('[A5] a refused page changes nothing: not by POST, PUT or DELETE either', async () => {
      const gateway = await start();
      const client = await gateway.connect({ auth: { user: 'ada' } });
      const headers = { origin: 'https://evil.example', 'content-type': 'application/json' };
      for (const [method, path, body] of [
        ['POST', '/v1/emit', JSON.stringify({ to: { all: true }, event: 'evil' })],
        ['POST', '/v1/batch', JSON.stringify({ commands: [{ disconnect: { user: 'ada' } }] })],
        ['PUT', '/v1/users/ada/rooms/lobby', undefined],
        ['DELETE', '/v1/users/ada/sockets', undefined],
        ['DELETE', `/v1/sockets/${client.id}`, undefined],
      ] as const) {
        const answer = await sendRaw(gateway.url, { method, path, headers, body });
        expect([path, answer.status, JSON.parse(answer.text)]).toMatchObject([
          path,
          403,
          { code: 'origin.refused' },
        ]);
      }
      await client.settled();
      expect(eventsAt(client)).toEqual(['connect']);
      expect((await gateway.http('GET', '/v1/rooms')).body).toMatchObject({ total: 0 });
    });

    it.each([
      ['a script of a page that the browser does not name', { j: '0' }, {}],
      ['a script of a foreign page', { j: '0' }, { 'sec-fetch-site': 'cross-site' }],
      ['a script of a page on another port', { j: '0' }, { 'sec-fetch-site': 'same-site' }],
      ['an image in a foreign page', {}, { 'sec-fetch-site': 'cross-site' }],
    ])('[A5] [C4] %s opens no connection', async (_what, query, headers) => {
      const gateway = await start();
      for (const version of ['3', '4']) {
        const search = new URLSearchParams({ EIO: version, transport: 'polling', user: 'ada', ...query });
        expectRefusal(await sendRaw(gateway.url, { path: `/socket.io/?${search}`, headers }));
      }
      expect((await gateway.http('GET', '/v1/stats')).body).toMatchObject({ sockets: 0 });
    });

    it('[A5] a foreign page cannot go on with a connection that another one has made', async () => {
      const gateway = await start();
      const { text } = await sendRaw(gateway.url, { path: HANDSHAKE });
      const sid = /"sid":"([^"]+)"/.exec(text)![1]!;
      const evil = { origin: 'https://evil.example' };
      const path = `${HANDSHAKE}&sid=${sid}`;
      expect(await sendRaw(gateway.url, { method: 'POST', path, headers: evil, body: '40' })).toMatchObject({
        status: 400,
      });
      expect(await sendRaw(gateway.url, { path, headers: evil })).toMatchObject({ status: 400 });
      expect(await upgradeRaw(gateway.url, evil, { sid })).toMatchObject({ status: 400 });
      expect((await gateway.http('GET', '/v1/stats')).body).toMatchObject({ sockets: 0 });
      const own = { origin: gateway.url };
      expect(await sendRaw(gateway.url, { method: 'POST', path, headers: own, body: '40' })).toMatchObject({
        status: 200,
      });
    });

    it.each([
      ['a script of the gateway’s own page', '&j=0', 'same-origin'],
      ['what is typed into the address bar', '', 'none'],
      ['the gateway’s own page', '', 'same-origin'],
    ])('[A5] %s may open one', async (_what, query, site) => {
      const gateway = await start();
      const answer = await sendRaw(gateway.url, {
        path: HANDSHAKE + query,
        headers: { 'sec-fetch-site': site },
      });
      expect(answer.status).toBe(200);
    });

    it('[A5] a client in a foreign page sees connect_error on every transport', async () => {
      const gateway = await start();
      const client = { extraHeaders: { origin: 'https://evil.example' } };
      for (const transport of ['polling', 'websocket', 'upgrade'] as const) {
        for (const version of [2, 4] as const) {
          const refused = gateway.open({
            version,
            transport,
            client: {
              ...client,
              transportOptions: {
                polling: client,
                websocket: client,
              },
            },
          });
          await refused.next('connect_error');
          refused.close();
        }
      }
      expect((await gateway.http('GET', '/v1/stats')).body).toMatchObject({ sockets: 0 });
    });
  });

  describe('with SWITCHBOARD_CORS_ORIGINS', () => {
    it('[A5] a listed origin is let in and named back with credentials, for polling of any client', async () => {
      const gateway = await start({ corsOrigins: [LISTED] });
      expect(await ways(gateway, { origin: LISTED })).toEqual(OPEN);
      const { headers } = await sendRaw(gateway.url, { path: HANDSHAKE, headers: { origin: LISTED } });
      expect(headers['access-control-allow-origin']).toBe(LISTED);
      expect(headers['access-control-allow-credentials']).toBe('true');
      expect(headers['vary']).toMatch(/origin/i);
    });

    it('[A5] a preflight is answered for a listed origin and not for another', async () => {
      const gateway = await start({ corsOrigins: [LISTED] });
      const preflight = (origin: string) =>
        sendRaw(gateway.url, {
          method: 'OPTIONS',
          path: HANDSHAKE,
          headers: {
            origin,
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'content-type',
          },
        });
      const granted = await preflight(LISTED);
      expect(granted.status).toBe(204);
      expect(granted.headers['access-control-allow-origin']).toBe(LISTED);
      expect(
        (await preflight('https://evil.example')).headers['access-control-allow-origin'],
      ).toBeUndefined();
    });

    it.each([
      'http://app.example.com',
      'https://app.example.com:8443',
      'https://example.com',
      'https://x.app.example.com',
    ])('[A5] %s is not the listed origin', async (origin) => {
      expect(await ways(await start({ corsOrigins: [LISTED] }), { origin })).toEqual(SHUT);
    });

    it('[A5] null is let in only when it is listed', async () => {
      expect(await ways(await start({ corsOrigins: ['null'] }), { origin: 'null' })).toEqual(OPEN);
      expect(await ways(await start({ corsOrigins: [LISTED] }), { origin: 'null' })).toEqual(SHUT);
    });

    it('[A5] a listed name may be the gateway’s own in open mode', async () => {
      const gateway = await start({ corsOrigins: ['http://gateway.example'] });
      expect(await ways(gateway, { host: 'gateway.example' })).toEqual(OPEN);
      expect(await ways(gateway, { host: 'other.example' })).toEqual(SHUT);
    });
  });

  describe('in secured mode', () => {
    const secured = { jwtSecret: 'a-secret-of-at-least-32-characters!!' };

    /** The API asks for a key before or after; what counts here is whether a page may connect. */
    const mayConnect = async (gateway: TestGateway, headers: Headers): Promise<boolean[]> => {
      const polling = await sendRaw(gateway.url, { path: HANDSHAKE, headers });
      const upgrade = await upgradeRaw(gateway.url, headers);
      return [polling.status === 200, upgrade === undefined];
    };

    it('[A5] its own origin may connect, a foreign one and a loopback one may not', async () => {
      const gateway = await start(secured);
      const host = 'gateway.example';
      expect(await mayConnect(gateway, { host, origin: `https://${host}` })).toEqual([true, true]);
      expect(await mayConnect(gateway, { host, origin: 'https://evil.example' })).toEqual([false, false]);
      expect(await mayConnect(gateway, { host, origin: 'http://localhost:5173' })).toEqual([false, false]);
      expect(await mayConnect(gateway, { host, origin: 'null' })).toEqual([false, false]);
      expect(await mayConnect(gateway, { host })).toEqual([true, true]);
    });
  });
});
