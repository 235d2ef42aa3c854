import { jest } from '@jest/globals';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { type WatchedPage, describeWithBrowser, TestBrowser } from '../../support/browser.js';
import { OTHER_SECRET, SECRET, everythingIn, outcomeOf, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

/** A test waits for several things, each for as long as `openPage` allows. */
jest.setTimeout(60_000);

interface Explained {
  readonly episodes: readonly { readonly endedAt: number | null }[];
  readonly findings: readonly { readonly id: string }[];
}

describeWithBrowser('why, in the console', () => {
  let gateway: TestGateway;
  let browser: TestBrowser;
  let key: string;

  const open = async (hash: string): Promise<WatchedPage> => {
    const watched = await browser.open(`${gateway.url}/console`);
    await watched.page.fill('#key', key);
    await watched.page.press('#key', 'Enter');
    await watched.page.locator('[data-tile="nodes"]').waitFor();
    await watched.page.goto(`${gateway.url}/console${hash}`);
    return watched;
  };
  const explained = async (query: string): Promise<Explained> =>
    (
      await gateway.http<Explained>('GET', `/v1/explain?${query}`, undefined, {
        authorization: `Bearer ${key}`,
      })
    ).body;
  const connectAs = async (user: string) =>
    gateway.connect({ auth: { token: await sign({ sub: user, caps: [everythingIn('*')] }) } });

  beforeAll(async () => {
    const { createApiKey } = await import('../../../src/access/dev-tools.js');
    const created = createApiKey('operator', ['read', 'emit', 'manage', 'metrics']);
    key = created.key;
    gateway = await startGateway({ jwtSecret: SECRET, apiKeys: created.entry });
    browser = await TestBrowser.launch();
  });
  afterEach(() => browser.leave());
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
  });

  it('[X2] [G1] a user reads why it is refused, how sure that is, what to do, and a page about it', async () => {
    const client = gateway.open({ auth: { token: await sign({ sub: 'eve' }, { key: OTHER_SECRET }) } });
    expect(await outcomeOf(client)).toBe('auth.token_invalid');
    await until('it is on record', async () => (await explained('user=eve')).findings.length > 0);
    const { page } = await open('#/find/eve');
    const finding = page.locator('[data-finding="refused"]');
    await finding.waitFor();
    expect(await finding.getAttribute('data-confidence')).toBe('certain');
    expect(await finding.locator('.finding-body li').count()).toBeGreaterThan(1);
    await page.locator('.proven', { hasText: 'refused with auth.token_invalid' }).waitFor();
    await page.locator('.episode summary', { hasText: 'Refused: auth.token_invalid' }).waitFor();
    await page.locator('.lines li', { hasText: 'Was refused with auth.token_invalid' }).waitFor();
    const doc = await finding.locator('a').getAttribute('href');
    expect(doc).toBe('/docs/why/refused');
    client.close();
  });

  it('[X1] [G1] the time line says from top to bottom what a connection lived through', async () => {
    const first = await connectAs('ada');
    await first.request('room:join', { room: 'chat:7' });
    for (let round = 0; round < 3; round += 1) await first.request('no:such', {}).catch(() => undefined);
    const { id } = first;
    first.close();
    await until('it has ended', async () => (await explained('user=ada')).episodes[0]?.endedAt != null);
    const { page } = await open(`#/find/${id}`);
    await page.locator('.subject h2', { hasText: id! }).waitFor();
    await page.locator('.subject .now', { hasText: 'Not connected, of the user ada' }).waitFor();
    const lines = await page.locator('.lines li').allTextContents();
    const places = [
      'asked to connect by',
      'Was let in after',
      'Joined the room chat:7',
      'Its request no:such failed: event.unknown, 3 times',
      'In all it sent',
      'The client ended it',
    ].map((words) => lines.findIndex((line) => line.includes(words)));
    expect(places).toEqual(places.toSorted((one, other) => one - other));
    expect(places[0]).toBe(0);

    await page.locator('.subject a', { hasText: 'ada' }).click();
    await page.locator('.subject .now', { hasText: 'Offline' }).waitFor();
    await page.locator('#story-heading').waitFor();
  });

  it('[X3] [G1] a publication tells who got it, and whether a user did', async () => {
    const client = await connectAs('grace');
    const { body } = await gateway.http<{ id: string }>(
      'POST',
      '/v1/emit',
      { to: { users: ['grace'] }, event: 'invoice:paid', data: 'never shown' },
      { authorization: `Bearer ${key}` },
    );
    await client.next('invoice:paid');
    const { page } = await open(`#/find/${body.id}`);
    await page.locator('.subject h2', { hasText: body.id }).waitFor();
    await page.locator('.subject .now', { hasText: 'invoice:paid' }).waitFor();
    await page.fill('#asked-user', 'grace');
    await page.press('#asked-user', 'Enter');
    await page.locator('[data-verdict="written"]').waitFor();
    await page.fill('#asked-user', 'nobody');
    await page.press('#asked-user', 'Enter');
    await page.locator('[data-verdict="offline"]').waitFor();
    expect(await page.textContent('body')).not.toContain('never shown');
    client.close();
  });

  it('[G1] what was proven stands above a user who is online, who does not look well', async () => {
    const client = await connectAs('mary');
    const other = gateway.open({ auth: { token: await sign({ sub: 'mary' }, { key: OTHER_SECRET }) } });
    expect(await outcomeOf(other)).toBe('auth.token_invalid');
    await until('it is on record', async () => (await explained('user=mary')).findings.length > 0);
    const { page } = await open('#/user/mary');
    await page.locator('.subject[data-tone="wait"] .now', { hasText: 'Online with 1 socket' }).waitFor();
    await page.locator('.subject .proven', { hasText: 'refused with auth.token_invalid' }).waitFor();
    client.close();
    other.close();
  });

  it('[G1] the overview tells of the last minute, and says so', async () => {
    const { page } = await open('#/overview');
    const scraped = () => page.waitForResponse((response) => response.url().endsWith('/metrics'));
    await scraped();
    const stranger = gateway.open({ auth: { token: await sign({ sub: 'tom' }, { key: OTHER_SECRET }) } });
    expect(await outcomeOf(stranger)).toBe('auth.token_invalid');
    const told = page.locator('.state li', {
      hasText: /refused clients in the last minute: \d+ × auth\.token_invalid/,
    });
    await told.waitFor();
    await scraped();
    await scraped();
    expect(await told.count()).toBe(1);
    stranger.close();
  });

  it('[X5] [G1] the heaviest are named, and lead to their stories', async () => {
    const client = await connectAs('loud');
    await client.request('room:join', { room: 'hall' });
    for (let round = 0; round < 5; round += 1) {
      await client.request('room:emit', { room: 'hall', event: 'shout', args: [round] });
    }
    const { page } = await open('#/overview');
    await page.locator('.bars a', { hasText: 'loud' }).click();
    await page.locator('.subject h2', { hasText: 'loud' }).waitFor();
    client.close();
  });
});
