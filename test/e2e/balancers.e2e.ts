import { Agent } from 'node:http';
import { createClient, type ClientOptions, type TestClient } from 'switchboard-gateway/testing';
import { Balancer, describeWith, type BalancerName } from '../support/balancers.js';
import { clientsOf, EAGER } from '../support/client-matrix.js';
import { describeWithRedis, TestRedis } from '../support/redis.js';
import { ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

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
      const emitToAll = async (data: number): Promise<unknown> => {
        const answer = await fetch(`${balancer.url}/v1/emit`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ to: { all: true }, event: 'news', data }),
        });
        return answer.json();
      };

      beforeAll(async () => {
        redis = await TestRedis.start();
        const env = {
          SWITCHBOARD_REDIS_URL: redis.url,
          SWITCHBOARD_TRUSTED_PROXIES: '1',
          SWITCHBOARD_DRAIN_WINDOW_MS: '100',
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
        const all: TestClient[] = [];
        for (let count = 0; count < 4; count++) all.push(await connected({ transport: 'websocket' }));
        expect((await nodesOf(all)).size).toBe(2);
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

      it.each(['/metrics', '/health/ready', '/openapi.json', '/'])('[O1] %s stays inside', async (path) => {
        expect((await fetch(balancer.url + path)).status).toBe(404);
      });

      it('[O2] when a node drains, its clients are back on the other', async () => {
        const all = await Promise.all(
          clientsOf([2, 4]).map((how) => connected({ ...how, client: { ...EAGER } })),
        );
        const more: TestClient[] = [];
        for (let count = 0; count < 3; count++) more.push(await connected({ client: EAGER }));
        const everyone = [...all, ...more];
        const { service } = nodes[0]!;
        const entries = await Promise.all(everyone.map(entryOf));
        service.signal('SIGTERM');
        expect(await service.ended).toEqual({ code: 0, signal: null });
        const { items } = (await (await fetch(`${nodes[1]!.url}/v1/nodes`)).json()) as {
          items: { node: string }[];
        };
        expect(items).toHaveLength(1);
        const left = items[0]!.node;
        for (const [index, { node }] of entries.entries()) {
          if (node === left) continue;
          await everyone[index]!.next('disconnect');
          await everyone[index]!.next('connect');
        }
        // The first way back may have led to the node that drained.
        await until('all of them are connected', () => everyone.every(({ socket }) => socket.connected));
        expect(await nodesOf(everyone)).toEqual(new Set([left]));
      });
    });
  });
});
