import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Webhook as SvixWebhook } from 'svix';
import { startGateway, type StartOptions, type TestGateway } from 'switchboard-gateway/testing';
import { TestBackend, type BackendRequest } from '../../support/backend.js';
import { bodyOf, Cluster } from '../../support/cluster.js';
import { describeWithRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

const SECRET = `whsec_${randomBytes(24).toString('base64')}`;

interface Told {
  readonly type: string;
  readonly data: {
    readonly user?: string;
    readonly seq?: number;
    readonly epoch: string;
    readonly room?: string;
  };
}

interface Attempts {
  readonly items: { readonly id: string; readonly node: string }[];
  readonly events: { readonly id: string; readonly type: string; readonly delivered: boolean }[];
}

const toldBy = ({ body }: BackendRequest): Told => body as unknown as Told;
const idOf = ({ headers }: BackendRequest): string => String(headers['webhook-id']);

describeWithRedis('webhooks of two nodes', () => {
  let backend: TestBackend;
  let cluster: Cluster;

  const start = async (options: StartOptions = {}): Promise<void> => {
    cluster = await Cluster.start({
      webhooks: `shop=${backend.url}/hooks`,
      webhookSecrets: `shop:${SECRET}`,
      ...options,
    });
  };
  const requestsOf = (user: string): BackendRequest[] =>
    backend.requests.filter((each) => toldBy(each).data.user === user);
  const typesOf = (user: string): string[] => requestsOf(user).map((each) => toldBy(each).type);
  const attemptsAt = (node: TestGateway, query = ''): Promise<Attempts> =>
    bodyOf<Attempts>(node.http('GET', `/v1/webhooks/shop/attempts${query}`));
  /** Partitions go over to a node once it has said what it wants. */
  const bothSend = () =>
    until('both nodes send', async () => {
      const user = `probe-${randomBytes(4).toString('hex')}`;
      (await cluster.b.connect({ auth: { user } })).close();
      await until('it is told', () => typesOf(user).length >= 2);
      const { items } = await attemptsAt(cluster.a);
      return new Set(items.map(({ node }) => node)).size === 2;
    });

  beforeEach(async () => {
    backend = await TestBackend.start(() => ({ status: 204 }));
  });
  afterEach(async () => {
    await cluster.close();
    await backend.stop();
  });

  it('[W8] each event is sent by one node, whichever it happened at, and signed with the one secret', async () => {
    await start();
    await bothSend();
    const before = backend.requests.length;
    const users = Array.from({ length: 40 }, (_, index) => `user-${index}`);
    await Promise.all(
      users.map(async (user, index) => {
        const one = await cluster.nodes[index % 2]!.connect({ auth: { user } });
        const two = await cluster.nodes[(index + 1) % 2]!.connect({ auth: { user } });
        one.close();
        two.close();
      }),
    );
    await until('all is told', () => users.every((user) => typesOf(user).length >= 2));
    const sent = backend.requests.slice(before);
    expect(new Set(sent.map(idOf)).size).toBe(sent.length);
    for (const user of users) expect(typesOf(user)).toEqual(['user.online', 'user.offline']);
    await until('all is noted', async () => (await attemptsAt(cluster.b)).items.length >= 80);
    const senders = (await attemptsAt(cluster.b)).items.map(({ node }) => node);
    expect(new Set(senders).size).toBe(2);
    const { text, headers } = sent[0]!;
    expect(new SvixWebhook(SECRET).verify(text, headers as Record<string, string>)).toEqual(sent[0]!.body);
  });

  it('[W7] either node tells what was delivered, where the endpoint stands, and replays', async () => {
    await start();
    (await cluster.a.connect({ auth: { user: '42' } })).close();
    for (const node of cluster.nodes) {
      await until('it is noted', async () => {
        const { events } = await attemptsAt(node, '?user=42');
        return events.length === 2 && events.every(({ delivered }) => delivered);
      });
      const { items } = await bodyOf<{ items: { depth: number }[] }>(node.http('GET', '/v1/webhooks'));
      expect(items).toMatchObject([{ name: 'shop', state: 'ok', depth: 0, lagMs: 0 }]);
    }
    const ids = requestsOf('42').map(idOf);
    const since = new Date(Date.now() - 600_000).toISOString();
    await bodyOf(cluster.b.http('POST', `/v1/webhooks/shop/replay?since=${since}`), 202);
    await until('all is told again', () => requestsOf('42').length === 4);
    expect(requestsOf('42').map(idOf)).toEqual([...ids, ...ids]);
  });

  it('[W7] every node says that an endpoint fails, whichever of them sends what fails', async () => {
    await start();
    await bothSend();
    const states = async (): Promise<unknown[]> => {
      const lists = cluster.nodes.map((node) =>
        bodyOf<{ items: { state: string }[] }>(node.http('GET', '/v1/webhooks')),
      );
      return (await Promise.all(lists)).map(({ items }) => items[0]!.state);
    };
    await until('all is delivered', async () => isDeepStrictEqual(await states(), ['ok', 'ok']));
    backend.answer = () => ({ status: 500 });
    await cluster.a.connect({ auth: { user: '42' } });
    await until('both say so', async () => isDeepStrictEqual(await states(), ['failing', 'failing']));
    backend.answer = () => ({ status: 204 });
    await until('it is delivered', async () => isDeepStrictEqual(await states(), ['ok', 'ok']));
    expect(typesOf('42').at(-1)).toBe('user.online');
  });

  it('[W7] an endpoint that is new did not hear of what was before it, unless that is replayed', async () => {
    await start();
    (await cluster.a.connect({ auth: { user: '42' } })).close();
    await until('shop is told', () => typesOf('42').length === 2);
    await Promise.all(cluster.nodes.map((node) => node.close()));
    const newer = await startGateway({
      redisUrl: cluster.redis.url,
      webhooks: `shop=${backend.url}/hooks,crm=${backend.url}/crm`,
      webhookSecrets: `shop:${SECRET},crm:${SECRET}`,
    });
    try {
      const eventsOf = async (user: string): Promise<unknown[]> => {
        const path = `/v1/webhooks/crm/attempts?user=${user}`;
        return (await bodyOf<Attempts>(newer.http('GET', path))).events.map(({ type, delivered }) => ({
          type,
          delivered,
        }));
      };
      (await newer.connect({ auth: { user: '43' } })).close();
      const both = [
        { type: 'user.offline', delivered: true },
        { type: 'user.online', delivered: true },
      ];
      await until('it is told', async () => isDeepStrictEqual(await eventsOf('43'), both));
      expect(await eventsOf('42')).toEqual([]);
      const since = new Date(Date.now() - 600_000).toISOString();
      await bodyOf(newer.http('POST', `/v1/webhooks/crm/replay?since=${since}`), 202);
      await until('it is told of those too', async () => isDeepStrictEqual(await eventsOf('42'), both));
      const paths = requestsOf('42').map(({ path }) => path);
      expect(paths.toSorted()).toEqual(['/crm', '/crm', '/hooks', '/hooks']);
    } finally {
      await newer.close();
    }
  });

  it('[W5] a node that stops hands over what it sends, and its users are told as gone after the window', async () => {
    await start({ recoveryWindowMs: 500, drainWindowMs: 0 });
    await bothSend();
    await cluster.a.connect({ auth: { user: 'ada' } });
    const stays = await cluster.b.connect({ auth: { user: 'bob' } });
    await until('both are told', () => typesOf('ada').length + typesOf('bob').length === 2);
    await cluster.a.close();
    await until('she is told as gone', () => typesOf('ada').length === 2);
    stays.close();
    await until('he is told as gone', () => typesOf('bob').length === 2);
    const users = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    for (const user of users) await cluster.b.connect({ auth: { user } });
    await until('all partitions are sent', () => users.every((user) => typesOf(user).length === 1));
    expect(typesOf('ada')).toEqual(['user.online', 'user.offline']);
    expect(typesOf('bob')).toEqual(['user.online', 'user.offline']);
  });

  it('[W6] 410 answered to one node stops the other one, and a test at either lets both go on', async () => {
    await start();
    await bothSend();
    backend.answer = () => ({ status: 410 });
    const state = async (node: TestGateway): Promise<string> => {
      const { items } = await bodyOf<{ items: { state: string }[] }>(node.http('GET', '/v1/webhooks'));
      return items[0]!.state;
    };
    await cluster.a.connect({ auth: { user: 'ada' } });
    for (const node of cluster.nodes)
      await until('it is stopped', async () => (await state(node)) === 'stopped');
    backend.answer = () => ({ status: 204 });
    const users = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    for (const user of users) await cluster.b.connect({ auth: { user } });
    const { body } = await cluster.b.http('POST', '/v1/webhooks/shop/test');
    expect(body).toMatchObject({ outcome: 'delivered' });
    await until('all is told', () => users.every((user) => typesOf(user).length === 1));
    expect(typesOf('ada').at(-1)).toBe('user.online');
  });
});
