import { spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createClient, type TestClient } from 'switchboard-gateway/testing';
import { spawnTied } from '../../test/support/tied-process.js';
import { refusalOf } from '../../test/support/tokens.js';

const RUN = fileURLToPath(new URL('src/run.py', import.meta.url));
const isInstalled = spawnSync('python3', ['--version']).status === 0;
const describeWithPython = isInstalled || process.env['CI'] ? describe : describe.skip;

describeWithPython('the shop in Python', () => {
  const clients: TestClient[] = [];
  let shop: string;
  let gateway: string;
  let stop: () => Promise<unknown>;

  beforeAll(async () => {
    const { PATH } = process.env;
    const child = spawnTied('python3', [RUN], {
      env: { PATH, SHOP_PORT: '0', PORT: '0', PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    stop = () => {
      child.kill('SIGTERM');
      return ended;
    };
    const urls: Record<string, string> = {};
    for await (const line of createInterface({ input: child.stdout! })) {
      const [, name, url] = /^(gateway|shop): (http\S+)$/.exec(line) ?? [];
      if (name !== undefined) urls[name] = url!;
      if (name === 'shop') break;
    }
    ({ shop, gateway } = urls as { shop: string; gateway: string });
    child.stdout!.resume();
  });
  afterEach(() => {
    for (const client of clients.splice(0)) {
      client.close();
      client.dispose();
    }
  });
  afterAll(() => stop());

  const post = (path: string, body: object): Promise<Response> =>
    fetch(shop + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const open = (cookie?: string): TestClient => {
    const client = createClient(gateway, {
      client: cookie === undefined ? {} : { extraHeaders: { cookie } },
    });
    clients.push(client);
    return client;
  };
  const logIn = async (user: string): Promise<TestClient> => {
    const cookie = (await post('/login', { user })).headers.get('set-cookie')!.split(';')[0]!;
    const client = open(cookie);
    await client.next('connect');
    return client;
  };

  it('[B6] lets in whoever has a session, by its cookie', async () => {
    const ann = await logIn('ann');
    expect(await ann.request('socket:info')).toMatchObject({ user: 'ann' });
    for (const cookie of [undefined, 'session=forged']) {
      expect(await refusalOf(open(cookie))).toMatchObject({ code: 'app.logged_out', retryable: false });
    }
  });

  it('[B3] answers an order, tells the kitchen, and pushes to its customer when it is ready', async () => {
    const [ann, bob, cook] = [await logIn('ann'), await logIn('bob'), await logIn('cook')];
    const placed = await ann.request('order:place', { item: 'tea' });
    expect(placed).toMatchObject({ ok: true, data: { user: 'ann', item: 'tea', state: 'placed' } });
    const { id } = placed['data'] as { id: number };
    expect(await cook.next('order:new')).toMatchObject([{ id, user: 'ann' }]);
    await post('/ready', { id });
    expect(await ann.next('order:ready')).toMatchObject([{ id, state: 'ready' }]);
    expect(await ann.request('room:join', { room: `order:${id}` })).toMatchObject({ ok: true });
    expect(await bob.request('room:join', { room: `order:${id}` })).toMatchObject({
      error: { code: 'access.denied' },
    });
  });

  it('[B3] [B4] refuses in its own words, and hides its failures', async () => {
    const ann = await logIn('ann');
    expect(await ann.request('order:place', { item: 'rum' })).toMatchObject({
      error: { code: 'app.sold_out', message: 'there is no rum' },
    });
    expect(await ann.request('order:place', 7)).toMatchObject({ error: { code: 'handler.failed' } });
    expect(await ann.request('room:join', { room: 'order:none' })).toMatchObject({
      error: { code: 'handler.failed' },
    });
  });

  it('[B2] takes nothing that the gateway has not signed', async () => {
    const forged = await post('/gateway', {
      type: 'event',
      event: 'order:place',
      user: 'ann',
      args: [{ item: 'tea' }],
    });
    expect(forged.status).toBe(401);
  });
});
