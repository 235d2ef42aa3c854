import { Agent, request } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type ClientTransport, type TestClient } from 'switchboard-gateway/testing';
import { OperationsModule, SwitchboardApiModule, type SwitchboardModuleOptions } from 'switchboard-gateway';
import { createEmbedding } from '../../support/embedding.js';
import { refusalOf, SECRET, sign } from '../../support/tokens.js';

describe('a gateway on a Unix socket', () => {
  let folder: string;
  const ends: (() => Promise<void> | void)[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchboard-'));
  });
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
    await rm(folder, { recursive: true });
  });

  async function listen(options: SwitchboardModuleOptions): Promise<string> {
    const app = await createEmbedding({ options, imports: [SwitchboardApiModule, OperationsModule] });
    const path = join(folder, 'gateway.sock');
    await app.listen(path);
    ends.push(() => app.close());
    return path;
  }

  function open(path: string, transport: ClientTransport, auth: object): TestClient {
    const agent = new Agent({ socketPath: path } as object);
    const client = createClient('http://localhost', { transport, auth: { ...auth }, client: { agent } });
    ends.push(() => {
      client.close();
      client.dispose();
      agent.destroy();
    });
    return client;
  }

  const get = (path: string, route: string, headers: Record<string, string> = {}): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ socketPath: path, path: route, headers }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode!));
      })
        .on('error', reject)
        .end();
    });

  it.each(['websocket', 'polling', 'upgrade'] as const)(
    '[L1] [C4] serves clients by %s in open mode: only this machine reaches it',
    async (transport) => {
      const path = await listen({});
      const client = open(path, transport, { user: 'ann' });
      await client.next('connect');
      expect(await client.request('room:join', { room: 'lobby' })).toEqual({ ok: true, room: 'lobby' });
      expect(await get(path, '/v1/stats')).toBe(200);
      expect(await get(path, '/health/ready')).toBe(200);
    },
  );

  it.each(['websocket', 'polling', 'upgrade'] as const)(
    '[L1] [A1] serves clients by %s in secured mode, and refuses those without a token',
    async (transport) => {
      const path = await listen({ jwtSecret: SECRET, maxSocketsPerIp: 100 });
      const client = open(path, transport, { token: await sign({ sub: 'ann' }) });
      await client.next('connect');
      expect(await client.request('socket:info')).toMatchObject({ ok: true, user: 'ann' });
      expect(await refusalOf(open(path, transport, {}))).toMatchObject({ code: 'auth.token_missing' });
      expect(await get(path, '/v1/stats')).toBe(401);
    },
  );

  it('[A5] a page of another origin is refused there too', async () => {
    const path = await listen({});
    const headers = { origin: 'https://evil.example' };
    expect(await get(path, '/v1/stats', headers)).toBe(403);
    expect(await get(path, '/socket.io/?EIO=4&transport=polling', headers)).toBe(403);
  });
});
