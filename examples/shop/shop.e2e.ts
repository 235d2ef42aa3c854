import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createClient, type TestClient } from 'switchboard-gateway/testing';
import { freePort } from '../../test/support/free-port.js';
import { spawnTied } from '../../test/support/tied-process.js';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

describe('the shop with an order service of Nest', () => {
  const stops: (() => Promise<unknown>)[] = [];
  const clients: TestClient[] = [];
  const told: Record<string, string> = {};
  let env: Record<string, string | undefined>;

  /** Starts a program and keeps what it says of itself, up to the line with this name. */
  const start = async (file: string, lastName: string): Promise<void> => {
    const child = spawnTied(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] }, 'TERM');
    const ended = once(child, 'close');
    stops.unshift(() => {
      child.kill('SIGTERM');
      return ended;
    });
    for await (const line of createInterface({ input: child.stdout! })) {
      const [, name, value] = /^(gateway|orders|shop|order service): (.+)$/.exec(line) ?? [];
      if (name !== undefined) told[name] = value!;
      if (name === lastName) break;
    }
    child.stdout!.resume();
  };
  const comeIn = async (user: string): Promise<TestClient> => {
    const client = createClient(told['gateway']!, { auth: { user } });
    clients.push(client);
    await client.next('connect');
    return client;
  };

  beforeAll(async () => {
    const { PATH } = process.env;
    const [ORDERS_PORT, MESSAGES_PORT] = [String(await freePort()), String(await freePort())];
    env = { PATH, PORT: '0', SHOP_PORT: '0', ORDERS_PORT, MESSAGES_PORT };
    await start(at('src/start.js'), 'shop');
  });
  afterEach(() => {
    for (const client of clients.splice(0)) {
      client.close();
      client.dispose();
    }
  });
  afterAll(async () => {
    for (const stop of stops) await stop();
  });

  it('[N6] [N2] acknowledges an order, and tells all devices of its user when it is shipped', async () => {
    const [phone, laptop, ben] = [await comeIn('ann'), await comeIn('ann'), await comeIn('ben')];
    const placed = await phone.request('order:place', { item: 'tea' });
    expect(placed).toEqual({ ok: true, data: { id: expect.any(Number), user: 'ann', item: 'tea' } });
    for (const client of [phone, laptop])
      expect(await client.next('order:shipped')).toEqual([placed['data']]);
    const his = await ben.request('order:place', { item: 'tea' });
    expect(await ben.next('order:shipped')).toEqual([his['data']]);
  });

  it('[N6] refuses in the words of the service', async () => {
    const ann = await comeIn('ann');
    for (const wanted of [{ item: 'rum' }, 7, null]) {
      expect(await ann.request('order:place', wanted)).toMatchObject({
        error: { code: 'app.sold_out', message: 'there is only tea' },
      });
    }
  });

  it('[A5] serves a page that its gateway lets in', async () => {
    const page = await (await fetch(told['shop']!)).text();
    expect(page).toContain(`${told['gateway']}/socket.io/socket.io.js`);
    const { headers } = await fetch(`${told['gateway']}/socket.io/?EIO=4&transport=polling`, {
      headers: { origin: told['shop']! },
    });
    expect(headers.get('access-control-allow-origin')).toBe(told['shop']);
  });

  it('[B4] [N6] answers while the order service is away, and takes orders when it is back', async () => {
    const ann = await comeIn('ann');
    const [, pid] = /^process (\d+);/.exec(told['orders']!)!;
    process.kill(Number(pid), 'SIGKILL');
    expect(await ann.request('order:place', { item: 'tea' })).toMatchObject({
      ok: false,
      error: { code: expect.stringMatching(/^handler\./), retryable: true },
    });
    await start(at('dist/main.js'), 'order service');
    const placed = await ann.request('order:place', { item: 'tea' });
    expect(placed).toMatchObject({ ok: true, data: { user: 'ann' } });
    expect(await ann.next('order:shipped')).toEqual([placed['data']]);
  });
});
