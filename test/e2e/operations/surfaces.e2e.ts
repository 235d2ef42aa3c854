import { createRequire } from 'node:module';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';

const { version } = createRequire(import.meta.url)('socket.io/package.json') as { version: string };

describe('what the gateway serves where', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  it.each(['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js'])(
    '[L9] the JavaScript client that matches the server at /socket.io/%s, with its source map',
    async (file) => {
      const script = await fetch(`${gateway.url}/socket.io/${file}`);
      expect(script.status).toBe(200);
      expect(script.headers.get('content-type')).toContain('javascript');
      expect(await script.text()).toContain(`Socket.IO v${version}`);

      const map = await fetch(`${gateway.url}/socket.io/${file}.map`);
      expect(map.status).toBe(200);
      expect(map.headers.get('content-type')).toContain('json');
      expect(await map.json()).toMatchObject({ version: 3 });
    },
  );

  it('[L9] [A5] pages of a listed origin, and no others, may load the modules of the client', async () => {
    const listing = await startGateway({ corsOrigins: 'https://app.example' });
    for (const file of ['socket.io.esm.min.js', 'socket.io.esm.min.js.map', 'socket.io.js']) {
      const load = (origin: string): Promise<Response> =>
        fetch(`${listing.url}/socket.io/${file}`, { headers: { origin } });
      const listed = await load('https://app.example');
      expect(listed.status).toBe(200);
      expect(listed.headers.get('access-control-allow-origin')).toBe('https://app.example');
      expect(listed.headers.get('access-control-allow-credentials')).toBe('true');
      expect((await load('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
    }
    const plain = await fetch(`${listing.url}/socket.io/socket.io.js`);
    expect(plain.headers.get('access-control-allow-origin')).toBeNull();
    await listing.close();
  });

  it('[C5] a proxy can tell clients, backends and operators apart by the first part of the path', async () => {
    const { paths } = (await gateway.http<{ paths: Record<string, unknown> }>('GET', '/openapi.json')).body;
    expect(Object.keys(paths).filter((path) => !path.startsWith('/v1/'))).toEqual([]);

    const polling = await fetch(`${gateway.url}/socket.io/?EIO=4&transport=polling`);
    expect(await polling.text()).toMatch(/^0\{"sid":/);
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/metrics`)).headers.get('content-type')).toContain('text/plain');
    // Nothing of the API or of the operators' answers elsewhere.
    for (const path of [
      '/emit',
      '/sockets',
      '/live',
      '/socket.io/v1/stats',
      '/v1/metrics',
      '/v1/health/live',
    ]) {
      expect((await fetch(gateway.url + path)).status).toBeGreaterThanOrEqual(400);
    }
  });

  it('[C5] pages can be turned off, each by its name', async () => {
    const paths = ['/', '/playground/main.js', '/docs', '/docs/viewer.js', '/openapi.json', '/console'];
    const statusesOf = async (pages: string): Promise<number[]> => {
      const serving = await startGateway({ pages });
      try {
        return await Promise.all(paths.map(async (path) => (await fetch(serving.url + path)).status));
      } finally {
        await serving.close();
      }
    };
    const [page] = await statusesOf('playground');
    expect(page).toBe(200);
    expect(await statusesOf('none')).toEqual([404, 404, 404, 404, 404, 404]);
    expect(await statusesOf('openapi')).toEqual([404, 404, 404, 404, 200, 404]);
    expect((await statusesOf('docs')).slice(2)).toEqual([200, 200, 404, 404]);
    expect(await statusesOf('console')).toEqual([404, 404, 404, 404, 404, 200]);
  });
});
