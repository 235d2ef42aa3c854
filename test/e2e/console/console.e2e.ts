import { jest } from '@jest/globals';
import type { Page } from 'playwright-core';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { PathProxy } from '../../support/path-proxy.js';
import { type WatchedPage, describeWithBrowser, TestBrowser } from '../../support/browser.js';

/** What a browser says of an answer that is no success, such as of a part that this gateway does not have. */
const NO_SUCCESS = /Failed to load resource/;

/** Run in the page, hence text: the tests are compiled without the browser's types. */
const FOCUSED = "document.activeElement?.id || document.activeElement?.textContent?.trim() || ''";
const OVERFLOW = 'document.documentElement.scrollWidth - innerWidth';
const STORED = 'JSON.stringify([localStorage.length, sessionStorage.length, location.href])';

/** Looks something up as a person does. */
async function search(page: Page, text: string): Promise<void> {
  await page.fill('#search', text);
  await page.press('#search', 'Enter');
}

const heading = (page: Page, text: string) => page.locator('.subject h2', { hasText: text }).waitFor();

const problemsOf = ({ problems }: WatchedPage): string[] =>
  problems.filter((problem) => !NO_SUCCESS.test(problem));

/** A test waits for several things, each for as long as `openPage` allows. */
jest.setTimeout(60_000);

describeWithBrowser('the console in a browser', () => {
  let gateway: TestGateway;
  let browser: TestBrowser;

  const open = (hash = '', base = `${gateway.url}/`): Promise<WatchedPage> =>
    browser.open(`${base}console${hash}`);

  beforeAll(async () => {
    gateway = await startGateway({ history: [{ pattern: 'kept', size: 100, ttlMs: 60_000 }] });
    browser = await TestBrowser.launch();
  });
  afterEach(() => browser.leave());
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
  });

  it('[G1] shows how many there are, in words how it is, and plots; all from the gateway itself', async () => {
    const client = await gateway.connect({ auth: { user: 'ada' } });
    const watched = await open();
    const { page, asked } = watched;
    await page.locator('[data-tile="sockets"]', { hasText: /^1$/ }).waitFor();
    await page.locator('.state .muted', { hasText: '1 socket of 1 user on 1 node' }).waitFor();
    await page.locator('.plot canvas').nth(3).waitFor();
    expect(asked.filter((address) => !address.startsWith(gateway.url))).toEqual([]);
    expect(problemsOf(watched)).toEqual([]);
    client.close();
  });

  it('[G1] works under the path of a proxy that takes it off', async () => {
    const proxy = await PathProxy.to(gateway.port, '/live/chat');
    try {
      const watched = await open('', proxy.url);
      await watched.page.locator('[data-tile="nodes"]', { hasText: /^1$/ }).waitFor();
      expect(problemsOf(watched)).toEqual([]);
      await browser.leave();
    } finally {
      await proxy.close();
    }
  });

  it('[G1] one search finds a user, a socket and a room, and says when a name is several things', async () => {
    const client = await gateway.connect({ auth: { user: 'grace' } });
    await client.request('room:join', { room: 'hall' });
    await client.request('room:join', { room: 'grace' });
    const watched = await open();
    const { page } = watched;
    await search(page, 'hall');
    await heading(page, 'hall');
    await page.locator('.subject .now', { hasText: '1 user with 1 socket' }).waitFor();
    await page.locator('.rows a', { hasText: 'grace' }).first().waitFor();

    await search(page, client.id!);
    await heading(page, client.id!);
    await page.locator('.subject .now', { hasText: 'Connected, of the user grace' }).waitFor();

    await search(page, 'grace');
    await page.locator('#found li', { hasText: 'Room grace' }).waitFor();
    await page.locator('#found a', { hasText: 'User grace' }).click();
    await heading(page, 'grace');
    await page.locator('.subject .now', { hasText: 'Online with 1 socket' }).waitFor();

    const { body } = await gateway.http<{ items: { node: string }[] }>('GET', '/v1/nodes');
    await search(page, body.items[0]!.node);
    await page.locator('.rows li[aria-current]', { hasText: body.items[0]!.node }).waitFor();
    await page.goto(`${gateway.url}/console#/node/of-last-week`);
    await page.locator('.notice', { hasText: 'Node of-last-week is not among the living' }).waitFor();

    await search(page, 'nobody of that name');
    await page.locator('#found-nothing', { hasText: 'Nothing is known of nobody of that name' }).waitFor();
    expect(problemsOf(watched)).toEqual([]);
    client.close();
  });

  it('[G1] sends, joins, leaves and disconnects after a question; Escape does nothing and gives the focus back', async () => {
    const client = await gateway.connect({ auth: { user: 'linus' } });
    const { page } = await open('#/user/linus');
    await page.click('[data-action="send"]');
    await page.fill('#action-args', '["from the console"]');
    await page.click('dialog .primary');
    expect(await client.next('message')).toEqual(['from the console']);
    await page.locator('.outcome', { hasText: 'Sent to 1 socket' }).waitFor();

    await page.click('[data-action="join"]');
    await page.fill('#action-room', 'attic');
    await page.click('dialog .primary');
    await page.locator('.outcome', { hasText: 'user linus is in attic' }).waitFor();
    await page.locator('.rows', { hasText: 'attic' }).waitFor();

    await page.click('[data-action="leave"]');
    expect(await page.inputValue('#action-room')).toBe('attic');
    await page.click('dialog .primary');
    await page.locator('.outcome', { hasText: 'user linus is not in attic any longer' }).waitFor();
    const { body } = await gateway.http<{ rooms: string[] }>('GET', '/v1/users/linus');
    expect(body.rooms).toEqual([]);

    await page.click('[data-action="kick"]');
    await page.locator('dialog[open]').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    expect(await page.evaluate<string>(FOCUSED)).toBe('Disconnect');
    expect((await gateway.http('GET', '/v1/users/linus')).body).toMatchObject({ online: true });

    await page.click('[data-action="kick"]');
    await page.click('dialog .primary');
    expect(await client.next('server:disconnect')).toMatchObject([{ code: 'kicked' }]);
    await page.locator('.subject .now', { hasText: 'Offline' }).waitFor();
  });

  it('[G1] blocks and unblocks a user, and says what is refused', async () => {
    const client = await gateway.connect({ auth: { user: 'mallory' } });
    const { page } = await open('#/user/mallory');
    await page.click('[data-action="block"]');
    await page.click('dialog .primary');
    await client.next('server:disconnect');
    await page.locator('.subject .now', { hasText: 'Blocked' }).waitFor();
    await page.click('[data-action="unblock"]');
    await page.click('dialog .primary');
    await page.locator('.subject .now', { hasText: 'Offline' }).waitFor();
    expect((await gateway.http<{ items: unknown[] }>('GET', '/v1/blocks')).body.items).toEqual([]);

    await page.click('[data-action="send"]');
    await page.fill('#action-event', 'room:join');
    await page.click('dialog .primary');
    await page.locator('dialog .problem', { hasText: 'event.reserved' }).waitFor();
    client.close();
  });

  it('[G1] [G3] a remote handler that fails is named as what is wrong, and shown with its state', async () => {
    const failing = await startGateway({ handlers: 'order:*=http://127.0.0.1:1/events' });
    const client = await failing.connect();
    for (let round = 0; round < 12; round += 1)
      await client.request('order:place', {}).catch(() => undefined);
    const { page, problems } = await open('', `${failing.url}/`);
    await page.locator('.state[data-tone="bad"] h2', { hasText: 'Something is wrong' }).waitFor();
    await page.locator('.state li', { hasText: 'is open' }).getByText('Look').click();
    await page.locator('.rows [data-tone="bad"]', { hasText: 'open' }).waitFor();
    expect(problems.filter((problem) => !NO_SUCCESS.test(problem))).toEqual([]);
    await browser.leave();
    client.close();
    await failing.close();
  });

  it('[G1] what others are named is text: markup, other directions of writing, ten thousand characters', async () => {
    const evil = `<img src=x onerror="document.body.dataset.planted=1">`;
    const turned = '\u202Egnp.exe';
    const agent = `Mozilla/5.0 <b>${'A'.repeat(10_000)}</b>`;
    const clients = [
      await gateway.connect({
        auth: { user: evil, info: { bio: evil } },
        client: { extraHeaders: { 'user-agent': agent } },
      }),
      await gateway.connect({ auth: { user: turned } }),
      await gateway.connect({ auth: { user: 'x'.repeat(128) } }),
    ];
    for (const client of clients) await client.request('room:join', { room: 'kept' });
    await clients[0]!.request('room:emit', {
      room: 'kept',
      event: evil,
      args: ['y'.repeat(10_000), `${evil} said`],
    });

    const watched = await open('#/room/kept');
    const { page } = watched;
    await page.setViewportSize({ width: 390, height: 844 });
    await page.locator('.name', { hasText: 'U+202E' }).first().waitFor();
    await page.locator('.name', { hasText: '<img src=x' }).first().waitFor();
    for (const view of [
      '#/users',
      '#/sockets',
      `#/user/${encodeURIComponent(evil)}`,
      `#/user/${encodeURIComponent(turned)}`,
    ]) {
      await page.goto(`${gateway.url}/console${view}`);
      await page.locator('.view .name').first().waitFor();
      expect([view, await page.evaluate<number>(OVERFLOW)]).toEqual([view, 0]);
    }
    await search(page, evil);
    await heading(page, '<img src=x');
    await page.click('[data-action="kick"]');
    await page.locator('dialog h2', { hasText: '<img src=x' }).waitFor();
    expect(await page.getAttribute('body', 'data-planted')).toBeNull();
    expect(await page.locator('.view img, .view b').count()).toBe(0);
    expect(problemsOf(watched)).toEqual([]);
    for (const client of clients) client.close();
  });

  it('[G1] the keyboard alone is enough: search, views, an action', async () => {
    const client = await gateway.connect({ auth: { user: 'joan' } });
    const { page } = await open();
    await page.locator('[data-tile="sockets"]').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('joan');
    await page.keyboard.press('Enter');
    await heading(page, 'joan');
    const reached: string[] = [];
    for (let presses = 0; presses < 40 && reached.at(-1) !== 'Disconnect'; presses += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate<string>(FOCUSED));
    }
    expect(reached.filter((name) => name !== 'body')).toEqual(
      expect.arrayContaining(['Send an event', 'Put into a room', 'Take out of a room', 'Disconnect']),
    );
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor();
    // From the checkbox to the button that confirms.
    await page.focus('#action-reconnect');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await client.next('server:disconnect')).toMatchObject([{ code: 'kicked' }]);
  });

  it.each(['light', 'dark'] as const)(
    '[G1] on a phone, %s, nothing is cut off or beside the screen in any view',
    async (scheme) => {
      const client = await gateway.connect({ auth: { user: 'ada' } });
      await client.request('room:join', { room: 'kept' });
      const watched = await open();
      const { page } = watched;
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width: 390, height: 844 });
      const views = [
        '',
        'users',
        'sockets',
        'rooms',
        'nodes',
        'backends',
        'blocks',
        'user/ada',
        'room/kept',
        'find/zz',
        'publication/abcdefgh-1',
        'address/127.0.0.1',
        `socket/${client.id}`,
      ];
      for (const view of views) {
        await page.goto(`${gateway.url}/console#/${view}`);
        await page.locator('.view > *').first().waitFor();
        expect([view, await page.evaluate<number>(OVERFLOW)]).toEqual([view, 0]);
      }
      const ground = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      expect(ground).toBe(scheme === 'light' ? 'rgb(244, 245, 243)' : 'rgb(15, 19, 18)');
      expect(problemsOf(watched)).toEqual([]);
      client.close();
    },
  );
});

describeWithBrowser('the console of a secured gateway', () => {
  let gateway: TestGateway;
  let browser: TestBrowser;
  const keys = new Map<string, string>();

  const open = (): Promise<WatchedPage> => browser.open(`${gateway.url}/console`);
  const give = async (page: Page, key: string): Promise<void> => {
    await page.fill('#key', key);
    await page.press('#key', 'Enter');
  };

  beforeAll(async () => {
    const { createApiKey } = await import('../../../src/access/dev-tools.js');
    const created = Object.entries({
      reader: ['read'],
      operator: ['read', 'emit', 'manage', 'metrics'],
      scraper: ['metrics'],
    }).map(([name, scopes]) => ({ name, ...createApiKey(name, scopes) }));
    for (const { name, key } of created) keys.set(name, key);
    gateway = await startGateway({
      jwtSecret: 'the secret of a gateway with a console',
      apiKeys: created.map(({ entry }) => entry).join(','),
    });
    browser = await TestBrowser.launch();
  });
  afterEach(() => browser.leave());
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
  });

  it('[G2] without a key there are its field and the command that makes one, and nothing is asked for', async () => {
    const { page, asked, problems } = await open();
    await page.locator('#key').waitFor();
    expect(await page.textContent('.gate pre')).toContain(
      'keys create --name console --scopes read,emit,manage,metrics',
    );
    expect(await page.locator('.search, .tabs, .tiles').count()).toBe(0);
    expect(asked.filter((address) => !/\/console|\/favicon/.test(address))).toEqual([]);
    expect(problems).toEqual([]);
  });

  it('[G2] the key stays in this tab: not in the address, not for other tabs, gone when it is forgotten', async () => {
    const watched = await open();
    const { page, asked } = watched;
    await give(page, 'no key of ours');
    await page.locator('#key-problem', { hasText: 'does not know this key' }).waitFor();
    await give(page, keys.get('scraper')!);
    await page.locator('#key-problem', { hasText: 'scope read' }).waitFor();
    await give(page, keys.get('operator')!);
    await page.locator('[data-tile="nodes"]').waitFor();
    await page.locator('.plot canvas').nth(3).waitFor();
    await page.reload();
    await page.locator('[data-tile="nodes"]').waitFor();
    const [local, session, address] = JSON.parse(await page.evaluate<string>(STORED)) as [
      number,
      number,
      string,
    ];
    expect([local, session]).toEqual([0, 1]);
    expect([address, ...asked].join()).not.toContain(keys.get('operator'));

    const other = await page.context().newPage();
    await other.goto(`${gateway.url}/console`);
    await other.locator('#key').waitFor();
    await page.getByText('Forget the key').click();
    await page.locator('#key').waitFor();
    await page.reload();
    await page.locator('#key').waitFor();
    expect(problemsOf(watched)).toEqual([]);
  });

  it('[G2] a key that may only read sees no plot that it may not, and is told what it may not do', async () => {
    const watched = await open();
    const { page } = watched;
    await give(page, keys.get('reader')!);
    await page.locator('.plots .notice', { hasText: 'metrics' }).waitFor();
    expect(await page.locator('.plot').count()).toBe(1);
    await search(page, 'nobody here');
    await page.locator('#found-nothing a', { hasText: 'user' }).click();
    await page.click('[data-action="block"]');
    await page.click('dialog .primary');
    await page.locator('dialog .problem', { hasText: 'access.denied' }).waitFor();
    expect(problemsOf(watched)).toEqual([]);
  });
});
