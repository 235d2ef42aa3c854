import { request } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { createClient, type ClientOptions, type TestClient } from 'switchboard-gateway/testing';
import { clientsOf, EAGER } from '../../support/client-matrix.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { ServiceProcess, withPortInUse } from '../../support/service-process.js';
import { until } from '../../support/until.js';

const WORKERS = 3;

interface Entry {
  readonly socketId: string;
  readonly node: string;
  readonly address: string;
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describeWithRedis('a service of several workers', () => {
  let redis: TestRedis;
  let service: ServiceProcess;
  let url: string;
  const clients: TestClient[] = [];

  const environment = (more: Record<string, string> = {}) => ({
    SWITCHBOARD_REDIS_URL: redis.url,
    SWITCHBOARD_WORKERS: String(WORKERS),
    SWITCHBOARD_DRAIN_WINDOW_MS: '100',
    SWITCHBOARD_LOG_FORMAT: 'json',
    SWITCHBOARD_NODE_LEASE_MS: '2000',
    ...more,
  });
  const connected = async (options: ClientOptions = {}): Promise<TestClient> => {
    const client = createClient(url, options);
    clients.push(client);
    await client.next('connect');
    return client;
  };
  const get = async <T>(path: string): Promise<T> => (await (await fetch(url + path)).json()) as T;
  const emit = (body: object): Promise<Response> =>
    fetch(`${url}/v1/emit`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const entryOf = (client: TestClient): Promise<Entry> => get<Entry>(`/v1/sockets/${client.id}`);
  /** Each worker says at its start which mode it is in. */
  const workerPids = (): number[] =>
    service.stdout
      .map((line) => JSON.parse(line) as { pid: number; message: string })
      .filter(({ message }) => message.startsWith('open mode'))
      .map(({ pid }) => pid);

  const start = async (): Promise<void> => {
    redis = await TestRedis.start();
    ({ service, url } = await ServiceProcess.start(environment()));
  };
  const stop = async (): Promise<void> => {
    service.signal('SIGKILL');
    await service.ended;
    await redis.kill();
  };

  const close = (): void => {
    for (const client of clients.splice(0)) client.close();
  };

  describe('while all goes well', () => {
    beforeAll(start);
    afterEach(async () => {
      close();
      await until('all workers have seen them go', async () => {
        const { sockets } = await get<{ sockets: number }>('/v1/stats');
        return sockets === 0;
      });
    });
    afterAll(stop);

    it('[R4] is as many nodes as it has workers, and clients of every kind are spread over them', async () => {
      const hows = clientsOf([2, 3, 4], ['polling', 'websocket', 'upgrade']);
      const all = await Promise.all(hows.map((how) => connected(how)));
      const entries = await Promise.all(all.map(entryOf));
      const { items } = await get<{ items: { node: string }[] }>('/v1/nodes');
      expect(items).toHaveLength(WORKERS);
      expect(new Set(entries.map(({ node }) => node))).toEqual(new Set(items.map(({ node }) => node)));
      expect(new Set(entries.map(({ address }) => address))).toEqual(new Set(['127.0.0.1']));
    });

    it('[R4] what is published on one worker reaches clients on all, by every transport', async () => {
      const all = await Promise.all(
        clientsOf([2, 4], ['polling', 'websocket', 'upgrade']).map((how) => connected(how)),
      );
      for (let count = 0; count < 2 * WORKERS; count++) {
        expect(
          (await (await emit({ to: { all: true }, event: 'news', data: count })).json()) as object,
        ).toMatchObject({
          matched: all.length,
        });
      }
      for (const client of all) {
        const got = await Promise.all(Array.from({ length: 2 * WORKERS }, () => client.next('news')));
        expect(got.flat().sort()).toEqual([0, 1, 2, 3, 4, 5]);
      }
    });

    it('[R4] a polling client stays with its worker for as long as it is there', async () => {
      const all = await Promise.all(Array.from({ length: 6 }, () => connected({ transport: 'polling' })));
      const before = await Promise.all(all.map(entryOf));
      for (let round = 0; round < 10; round++) {
        await Promise.all(all.map((client) => client.request('socket:info')));
      }
      expect(await Promise.all(all.map(entryOf))).toEqual(before);
      expect(new Set(before.map(({ node }) => node)).size).toBeGreaterThan(1);
    });

    it('[R4] a body comes through whole, wherever the network cuts it', async () => {
      const client = await connected();
      const text = '€ü𝄞'.repeat(6_000);
      const body = Buffer.from(JSON.stringify({ to: { all: true }, event: 'news', data: text }));
      const { port } = new URL(url);
      const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
      const head = `POST /v1/emit HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
      // Byte by byte at first, so that the request line and the first characters are in many pieces.
      const pieces = [...head].map((letter) => Buffer.from(letter));
      for (let start = 0; start < body.length; start += 997) pieces.push(body.subarray(start, start + 997));
      for (const piece of pieces) await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 202 /);
      expect(await client.next('news')).toEqual([text]);
      socket.destroy();
    });

    it('[R4] keeps a connection to a backend, and none that could carry sessions of several workers', async () => {
      const connectionOf = (path: string, headers: Record<string, string> = {}): Promise<unknown> =>
        new Promise((resolve, reject) => {
          request(url + path, { headers: { connection: 'keep-alive', ...headers } }, (response) => {
            response.resume();
            resolve(response.headers.connection);
          })
            .once('error', reject)
            .end();
        });
      expect(await connectionOf('/v1/nodes')).toBe('keep-alive');
      expect(await connectionOf('/v1/nodes', { origin: url })).toBe('close');
      expect(await connectionOf('/')).toBe('close');
      expect(await connectionOf('/socket.io/?EIO=4&transport=polling')).toBe('close');
    });

    it('[R4] a session that no worker knows is refused, so that its client connects anew', async () => {
      const query = `EIO=4&transport=polling&sid=${'a'.repeat(20)}B`;
      expect((await fetch(`${url}/socket.io/?${query}`)).status).toBe(400);
    });
  });

  describe('when a process ends', () => {
    beforeEach(start);
    afterEach(async () => {
      close();
      await stop();
    });

    it('[R4] a worker that is killed is replaced, and the others go on', async () => {
      const all = await Promise.all(Array.from({ length: 6 }, () => connected({ client: EAGER })));
      const [victim, ...others] = workerPids();
      process.kill(victim!, 'SIGKILL');
      expect(JSON.parse(await service.line(/a worker was replaced/))).toMatchObject({ level: 'info' });
      const death = (): string | undefined => service.stderr.find((line) => line.includes('a worker died'));
      await until('its death is told', () => death() !== undefined);
      const dead = JSON.parse(death()!) as object;
      expect(dead).toMatchObject({ workerPid: victim, message: 'a worker died: SIGKILL', restartInMs: 500 });
      expect(others.every(isAlive)).toBe(true);
      await until('everyone is back, and the dead node is gone', async () => {
        const { items } = await get<{ items: { sockets: number }[] }>('/v1/nodes');
        return (
          items.length === WORKERS && items.reduce((sum, { sockets }) => sum + sockets, 0) === all.length
        );
      });
      await emit({ to: { all: true }, event: 'after', data: 1 });
      for (const client of all) expect(await client.next('after')).toEqual([1]);
      expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
        /^switchboard_worker_restarts_total\{node="n-.*"\} 1$/m,
      );
    });

    it('[R4] a worker that hangs is ended and replaced, and its clients are back', async () => {
      const all = await Promise.all(Array.from({ length: 6 }, () => connected({ client: EAGER })));
      const [victim, ...others] = workerPids();
      process.kill(victim!, 'SIGSTOP');
      await service.line(/a worker was replaced/);
      const told = service.stderr.map((line) => JSON.parse(line) as object);
      expect(told).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ workerPid: victim, message: 'a worker hangs and is ended' }),
          expect.objectContaining({ workerPid: victim, message: 'a worker died: SIGKILL' }),
        ]),
      );
      expect(others.every(isAlive)).toBe(true);
      await until('everyone is back', async () => {
        const { sockets } = await get<{ sockets: number }>('/v1/stats');
        return sockets === all.length && all.every(({ socket }) => socket.connected);
      });
    });

    it('[O2] SIGTERM drains every worker and then exits with 0', async () => {
      const all = await Promise.all(Array.from({ length: 6 }, () => connected()));
      const pids = workerPids();
      service.signal('SIGTERM');
      for (const client of all) {
        expect(await client.next('server:disconnect')).toEqual([
          expect.objectContaining({ code: 'server.draining', retryAfterMs: expect.any(Number) }),
        ]);
      }
      expect(await service.ended).toEqual({ code: 0, signal: null });
      expect(pids.filter(isAlive)).toEqual([]);
    });

    it('[O2] a second signal ends everything at once with 1', async () => {
      const [hung, ...others] = workerPids();
      process.kill(hung!, 'SIGSTOP');
      service.signal('SIGTERM');
      await until('the others have drained', () => !others.some(isAlive));
      service.signal('SIGTERM');
      expect(await service.ended).toEqual({ code: 1, signal: null });
      await until('the hung one is gone', () => !isAlive(hung!));
    });

    it('[R4] when the primary is killed, its workers drain and end', async () => {
      const client = await connected();
      const pids = workerPids();
      service.signal('SIGKILL');
      expect(await client.next('server:disconnect')).toMatchObject([{ code: 'server.draining' }]);
      await until('no worker is left', () => !pids.some(isAlive));
    });

    it('[C2] a port in use ends the start with one line and leaves no worker behind', async () => {
      await withPortInUse(async (port) => {
        const second = ServiceProcess.run([], environment({ PORT: String(port), SWITCHBOARD_WORKERS: '2' }));
        expect(await second.ended).toEqual({ code: 1, signal: null });
        expect(second.stderr.filter((line) => line.startsWith('PORT:'))).toEqual([
          `PORT: ${port} on 127.0.0.1 is in use; stop what listens there or set another PORT`,
        ]);
      });
    });
  });
});

it('[C2] several workers need a Redis to share their state through', async () => {
  const service = ServiceProcess.run([], { SWITCHBOARD_WORKERS: '2' });
  expect(await service.ended).toEqual({ code: 1, signal: null });
  expect(service.stderr).toEqual([
    'SWITCHBOARD_WORKERS: expected 1, or SWITCHBOARD_REDIS_URL to be set, because workers share their state through it, got 2',
  ]);
});
