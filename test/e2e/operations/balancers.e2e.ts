import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import { createClient, type ClientOptions, type TestClient } from 'switchboard-gateway/testing';
import { Balancer, describeWith, type BalancerName } from '../../support/balancers.js';
import { clientsOf, EAGER } from '../../support/client-matrix.js';
import { RawPolling } from '../../support/raw-clients.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { ServiceProcess } from '../../support/service-process.js';
import { until } from '../../support/until.js';

interface Entry {
  readonly node: string;
  readonly address: string;
  readonly transport: string;
}

describe.each<BalancerName>(['haproxy', 'nginx'])('two nodes behind %s, with its file in deploy/', (name) => {
  describeWith(name)('set up', () => {
    describeWithRedis('on Redis', () => {
      let redis: TestRedis;
      let balancer: Balancer;
      let nodes: { service: ServiceProcess; url: string }[] = [];
      let env: Readonly<Record<string, string>>;
      const clients: TestClient[] = [];

      const connected = async (options: ClientOptions = {}): Promise<TestClient> => {
        const client = createClient(balancer.url, options);
        clients.push(client);
        await client.next('connect');
        return client;
      };
      /** As from another machine: all of 127.0.0.0/8 is this one. */
      const from = (localAddress: string): ClientOptions['client'] & object => ({
        agent: new Agent({ localAddress }),
      });
      const entryOf = async ({ id }: TestClient): Promise<Entry> =>
        (await (await fetch(`${balancer.url}/v1/sockets/${id}`)).json()) as Entry;
      const nodesOf = async (all: readonly TestClient[]): Promise<Set<string>> =>
        new Set((await Promise.all(all.map(entryOf))).map(({ node }) => node));
      const socketCount = async (): Promise<number> =>
        ((await (await fetch(`${balancer.url}/v1/stats`)).json()) as { sockets: number }).sockets;
      const status = async ({ url }: { url: string }, path: string): Promise<number> => {
        const answer = await fetch(url + path);
        await answer.arrayBuffer();
        return answer.status;
      };
      /** As backends do: what a node that dies, or a balancer that does not know so yet, leaves open is asked again. */
      const emitToAll = async (data: number): Promise<unknown> => {
        const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
        const body = JSON.stringify({ to: { all: true }, event: 'news', data });
        let answer: Response | undefined;
        await until('it is published', async () => {
          answer = await fetch(`${balancer.url}/v1/emit`, { method: 'POST', headers, body }).catch(
            () => undefined,
          );
          return answer !== undefined && answer.status < 500;
        });
        return answer!.json();
      };

      const four = async (): Promise<TestClient[]> => {
        const all: TestClient[] = [];
        for (let count = 0; count < 4; count++) all.push(await connected({ transport: 'websocket' }));
        return all;
      };
      /** The node that has polling clients: behind nginx there is one for each address. */
      const nodeOfPolling = async (entries: readonly Entry[]): Promise<{ own: string; index: number }> => {
        const own = entries.find(({ transport }) => transport === 'polling')!.node;
        const probe = createClient(nodes[0]!.url, { transport: 'websocket' });
        clients.push(probe);
        await probe.next('connect');
        return { own, index: (await entryOf(probe)).node === own ? 0 : 1 };
      };
      /** Starts a node where it was. */
      const startAgain = async (index: number): Promise<void> => {
        nodes[index] = await ServiceProcess.start({ ...env, PORT: new URL(nodes[index]!.url).port });
        await until('the balancer knows', async () =>
          name === 'nginx' ? (await nodesOf(await four())).size === 2 : (await balancer.readyServers()) === 2,
        );
      };

      beforeAll(async () => {
        redis = await TestRedis.start();
        env = {
          SWITCHBOARD_REDIS_URL: redis.url,
          SWITCHBOARD_TRUSTED_PROXIES: '1',
          SWITCHBOARD_MAX_SOCKETS_PER_USER: '0',
          // Long enough for those who leave to be refused by the node, which still listens.
          SWITCHBOARD_DRAIN_WINDOW_MS: '1200',
          // A polling client that ends between two polls is missed by a ping only.
          SWITCHBOARD_PING_INTERVAL_MS: '5000',
          SWITCHBOARD_PING_TIMEOUT_MS: '10000',
        };
        nodes = await Promise.all([ServiceProcess.start(env), ServiceProcess.start(env)]);
        balancer = await Balancer.start(name, [nodes[0]!.url, nodes[1]!.url]);
      });

      afterEach(async () => {
        for (const client of clients.splice(0)) client.close();
        await until('both nodes have seen them go', async () => (await socketCount()) === 0);
      });

      afterAll(async () => {
        await balancer.stop();
        for (const { service } of nodes) service.signal('SIGKILL');
        await Promise.all(nodes.map(({ service }) => service.ended));
        await redis.kill();
      });

      it('[R4] WebSockets need no stickiness: one address is spread over both nodes', async () => {
        expect((await nodesOf(await four())).size).toBe(2);
      });

      it('[R4] polling and upgraded clients of every version stay with their node', async () => {
        const hows = clientsOf([2, 3, 4], ['polling', 'upgrade']);
        const all = await Promise.all(hows.map((how) => connected(how)));
        const transports = async (): Promise<string> =>
          (await Promise.all(all.map(entryOf)))
            .map(({ transport }) => transport)
            .sort()
            .join(' ');
        const before = await nodesOf(all);
        for (let round = 0; round < 10; round++) {
          await Promise.all(all.map((client) => client.request('socket:info')));
        }
        expect(await nodesOf(all)).toEqual(before);
        const settled = 'polling polling polling websocket websocket websocket';
        await until('those that upgrade have done so', async () => (await transports()) === settled);
        expect(await nodesOf(all)).toEqual(before);
      });

      it('[R4] polling clients of several addresses are spread over both nodes', async () => {
        const addresses = Array.from({ length: 24 }, (_, index) => `127.0.0.${index + 2}`);
        const all = await Promise.all(
          addresses.map((address) => connected({ transport: 'polling', client: from(address) })),
        );
        for (const client of all) expect(await client.request('socket:info')).toMatchObject({ ok: true });
        expect((await nodesOf(all)).size).toBe(2);
      });

      it('[C1] a client has its own address, and cannot choose another', async () => {
        const client = await connected({
          client: { ...from('127.0.0.77'), extraHeaders: { 'X-Forwarded-For': '203.0.113.9' } },
        });
        expect(await entryOf(client)).toMatchObject({ address: '127.0.0.77' });
      });

      it('[R4] what is published through either node reaches clients on both', async () => {
        const hows = clientsOf([2, 4], ['polling', 'websocket', 'upgrade']);
        const all = await Promise.all(hows.map((how) => connected(how)));
        for (let count = 0; count < 4; count++) {
          expect(await emitToAll(count)).toMatchObject({ matched: all.length });
        }
        for (const client of all) {
          const got = await Promise.all(Array.from({ length: 4 }, () => client.next('news')));
          expect(got.flat().sort()).toEqual([0, 1, 2, 3]);
        }
      });

      it('[O3] clients of every kind stay while Redis is away, and new ones get in', async () => {
        const all = await Promise.all(clientsOf([2, 4]).map((how) => connected(how)));
        const ids = all.map(({ id }) => id);
        const over = async (): Promise<boolean> => (await status(nodes[0]!, '/health/ready')) === 503;
        await redis.kill();
        await until('both nodes say so, and the balancer knows', async () => {
          if (!(await over()) || (await status(nodes[1]!, '/health/ready')) !== 503) return false;
          return name === 'nginx' || (await balancer.readyServers()) === 0;
        });
        for (const client of all) expect(await client.request('socket:info')).toMatchObject({ ok: true });
        const answer = await fetch(`${balancer.url}/v1/sockets`);
        expect([answer.status, await answer.json()]).toMatchObject([503, { code: 'engine.unavailable' }]);
        const late = await Promise.all(
          clientsOf([4]).map((how) => connected({ ...how, auth: { user: 'late' } })),
        );
        for (const client of [...all, ...late]) {
          expect(await client.request('socket:info')).toMatchObject({ ok: true });
        }
        await redis.run();
        await until('both nodes are ready, and the balancer knows', async () => {
          const ready = await Promise.all(nodes.map((node) => status(node, '/health/ready')));
          if (ready.some((code) => code !== 200)) return false;
          return name === 'nginx' || (await balancer.readyServers()) === 2;
        });
        expect(await emitToAll(1)).toMatchObject({ matched: all.length + late.length });
        for (const client of [...all, ...late]) expect(await client.next('news')).toEqual([1]);
        expect(all.map(({ id }) => id)).toEqual(ids);
      });

      it('[H6] when a node is killed, its clients are the same sockets on the other, and have missed nothing', async () => {
        const all: TestClient[] = [];
        for (let round = 0; round < 3; round++) {
          const options = { auth: { recovery: true }, client: { ...EAGER } };
          all.push(...(await Promise.all(clientsOf([4]).map((how) => connected({ ...how, ...options })))));
        }
        const before = await Promise.all(all.map(entryOf));
        expect(new Set(before.map(({ node }) => node)).size).toBe(2);
        const { own, index } = await nodeOfPolling(before);
        const ids = all.map(({ id }) => id);
        expect(await emitToAll(0)).toMatchObject({ id: expect.any(String) });
        for (const client of all) expect((await client.next('news'))[0]).toBe(0);

        const { service } = nodes[index]!;
        service.signal('SIGKILL');
        await service.ended;
        for (const data of [1, 2, 3]) expect(await emitToAll(data)).toMatchObject({ id: expect.any(String) });
        for (const [place, { node }] of before.entries()) {
          if (node === own) await all[place]!.next('connect');
        }
        expect(await emitToAll(4)).toMatchObject({ id: expect.any(String) });
        for (const client of all) {
          for (const data of [1, 2, 3, 4]) expect((await client.next('news'))[0]).toBe(data);
        }
        expect(all.map(({ id }) => id)).toEqual(ids);
        const other = before.find(({ node }) => node !== own)!.node;
        expect(await nodesOf(all)).toEqual(new Set([other]));
        await startAgain(index);
      });

      it('[R4] who begins with polling while a node comes up stays with the node that it was given', async () => {
        // When it comes up between the checks of a balancer is chance.
        for (let round = 0; round < 3; round++) {
          const { service } = nodes[0]!;
          service.signal('SIGKILL');
          await service.ended;
          if (name === 'haproxy')
            await until('it is missed', async () => (await balancer.readyServers()) === 1);
          let isBack = false;
          const back = startAgain(0).then(() => (isBack = true));
          for (let more = 20; more > 0; more -= Number(isBack)) {
            const session = await RawPolling.open(balancer.url);
            // Closes it.
            expect(await session.post('1')).toMatchObject({ status: 200 });
          }
          await back;
        }
      });

      it.each(['/metrics', '/health/ready', '/openapi.json', '/'])('[O1] %s stays inside', async (path) => {
        expect((await fetch(balancer.url + path)).status).toBe(404);
      });

      it('[O2] while a node drains, its clients are back on the other, and polling ones stay there', async () => {
        const all: TestClient[] = [];
        const webSocketOnly: boolean[] = [];
        for (let round = 0; round < 3; round++) {
          const hows = clientsOf([2, 4]);
          webSocketOnly.push(...hows.map(({ transport }) => transport === 'websocket'));
          all.push(...(await Promise.all(hows.map((how) => connected({ ...how, client: { ...EAGER } })))));
        }
        const before = await Promise.all(all.map(entryOf));
        expect(new Set(before.map(({ node }) => node)).size).toBe(2);
        const { own, index } = await nodeOfPolling(before);
        const leaving = nodes[index]!;
        // They leave after the clients above: until then the node listens, and refuses.
        const others = Array.from({ length: 100 }, () =>
          createClient(leaving.url, { transport: 'websocket' }),
        );
        clients.push(...others);
        await Promise.all(others.map((client) => client.next('connect')));
        leaving.service.signal('SIGTERM');
        for (const [place, { node }] of before.entries()) {
          if (node !== own) continue;
          await all[place]!.next('disconnect');
          await all[place]!.next('connect');
        }
        // Whom the node refused, the balancer has taken to the other: no client was told. A WebSocket is refused with
        // 400, which HAProxy cannot try again: those see it until the balancer knows.
        const told = all.filter((_, place) => name === 'nginx' || !webSocketOnly[place]);
        for (const { queue } of told) {
          expect([queue.pending('connect_error'), queue.pending('reconnect_error')]).toEqual([0, 0]);
        }
        const other = before.find(({ node }) => node !== own)!.node;
        for (let round = 0; round < 5; round++) {
          for (const client of all) expect(await client.request('socket:info')).toMatchObject({ ok: true });
        }
        expect(await nodesOf(all)).toEqual(new Set([other]));
        const ids = all.map(({ id }) => id);
        expect(await leaving.service.ended).toEqual({ code: 0, signal: null });
        for (const client of all) expect(await client.request('socket:info')).toMatchObject({ ok: true });
        expect(all.map(({ id }) => id)).toEqual(ids);

        // The node comes back where it was: nobody is moved a second time.
        await startAgain(index);
        for (let round = 0; round < 5; round++) {
          for (const client of all) expect(await client.request('socket:info')).toMatchObject({ ok: true });
        }
        expect(all.map(({ id }) => id)).toEqual(ids);
        expect(await nodesOf(all)).toEqual(new Set([other]));
      });
    });
  });
});
