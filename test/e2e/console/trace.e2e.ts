import { jest } from '@jest/globals';
import type { Page } from 'playwright-core';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { type WatchedPage, describeWithBrowser, TestBrowser } from '../../support/browser.js';
import { until } from '../../support/until.js';

/** A test waits for several things, each for as long as `openPage` allows. */
jest.setTimeout(60_000);

/** Run in the page, hence text: the tests are compiled without the browser's types. */
const OVERFLOW = 'document.documentElement.scrollWidth - innerWidth';
const FOCUSED = "document.activeElement?.id || document.activeElement?.textContent?.trim() || ''";

/** What a browser says of an answer that is no success, such as of a part that this gateway does not have. */
const NO_SUCCESS = /Failed to load resource/;
const withoutAnswers = (problems: readonly string[]): string[] =>
  problems.filter((problem) => !NO_SUCCESS.test(problem));

const EVIL = '<img src=x onerror="document.body.dataset.planted=1">';

const line = (page: Page, text: string | RegExp) => page.locator('.trace li', { hasText: text }).first();

/** Goes from one control to the next until the wanted one has the focus. */
async function tabTo(page: Page, wanted: string): Promise<void> {
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate<string>(FOCUSED)) === wanted) return;
  }
  throw new Error(`the keyboard does not reach ${wanted}`);
}

describeWithBrowser('a live trace in the console', () => {
  let gateway: TestGateway;
  let browser: TestBrowser;

  const open = (hash: string): Promise<WatchedPage> => browser.open(`${gateway.url}/console${hash}`);
  const say = (room: string, text: string) =>
    gateway.http('POST', '/v1/emit', { to: { rooms: [room] }, event: 'news', data: text });

  beforeAll(async () => {
    gateway = await startGateway();
    browser = await TestBrowser.launch();
  });
  afterEach(() => browser.leave());
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
  });

  it('[X6] [G1] shows what happens in a room while it happens, and leads to whom it happens', async () => {
    const ada = await gateway.connect({ auth: { user: 'ada' } });
    await ada.request('room:join', { room: 'hall' });
    const { page, problems } = await open('#/room/hall');
    await page.getByText('Watch live').click();
    await page.locator('[role="status"]', { hasText: 'Watching' }).waitFor();

    const bob = await gateway.connect({ auth: { user: 'bob' } });
    await bob.request('room:join', { room: 'hall' });
    await line(page, /join.*bob.*hall/).waitFor();
    await say('hall', 'not for the eyes of operators');
    await line(page, /delivery.*news.*to 2 sockets/).waitFor();
    await bob.request('room:emit', { room: 'hall', event: 'hello', args: ['not for them either'] });
    await line(page, /delivery.*hello.*sent by bob/).waitFor();
    bob.close();
    await line(page, /disconnect.*bob.*by client/).waitFor();
    expect(await page.textContent('.trace')).not.toMatch(/operators|either/);

    await line(page, 'news').getByRole('link').first().click();
    await page.locator('.subject .now', { hasText: 'news, sent by the app' }).waitFor();
    expect(withoutAnswers(problems)).toEqual([]);
    ada.close();
  });

  it('[X6] [G1] shows payloads where they are asked for, and nothing more once it is stopped', async () => {
    const ada = await gateway.connect({ auth: { user: 'payer' } });
    await ada.request('room:join', { room: 'till' });
    const { page, problems } = await open('#/room/till');
    await page.check('#payloads');
    await page.getByText('Watch live').click();
    await page.locator('[role="status"]', { hasText: 'Watching' }).waitFor();
    await say('till', 'shown to who may see it');
    await line(page, 'shown to who may see it').waitFor();
    await page.getByText('Stop').click();
    await page.locator('[role="status"]', { hasText: 'Off.' }).waitFor();
    const before = await page.locator('.trace li').count();
    await say('till', 'after the end');
    await ada.next('news');
    await ada.next('news');
    expect(await page.locator('.trace li').count()).toBe(before);
    expect(withoutAnswers(problems)).toEqual([]);
    ada.close();
  });

  it('[X6] [G1] keeps up with a burst: the newest are shown, and the page stays usable', async () => {
    const ada = await gateway.connect({ auth: { user: 'busy' } });
    await ada.request('room:join', { room: 'flood' });
    const { page, problems } = await open('#/room/flood');
    await page.getByText('Watch live').click();
    await page.locator('[role="status"]', { hasText: 'Watching' }).waitFor();
    for (let count = 0; count < 2_000; count += 1) {
      await gateway.broadcaster.toRooms('flood').emit(`event-${count}`);
    }
    await gateway.broadcaster.toRooms('flood').emit('last');
    // What comes while its reader is behind is dropped.
    await until('the trace goes on', async () => {
      await say('flood', 'after it');
      return (await page.locator('.trace li', { hasText: 'news' }).count()) > 0;
    });
    expect(await page.locator('.trace li').count()).toBeLessThanOrEqual(200);
    await page.getByText('Stop').click();
    await page.locator('[role="status"]', { hasText: 'Off.' }).waitFor();
    expect(withoutAnswers(problems)).toEqual([]);
    ada.close();
  });

  it('[X6] [G1] is begun, read, followed and ended with the keyboard alone', async () => {
    const ada = await gateway.connect({ auth: { user: 'keys' } });
    await ada.request('room:join', { room: 'board' });
    const { page } = await open('');
    await page.locator('[data-tile="sockets"]').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('board');
    await page.keyboard.press('Enter');
    await page.locator('.subject h2', { hasText: 'board' }).waitFor();
    await tabTo(page, 'Watch live');
    await page.keyboard.press('Enter');
    await page.locator('[role="status"]', { hasText: 'Watching' }).waitFor();
    expect(await page.evaluate<string>(FOCUSED)).toBe('Stop');
    await say('board', 'x');
    await line(page, 'news').waitFor();
    const publication = await line(page, 'news').getByRole('link').first().textContent();
    await page.keyboard.press('Shift+Tab');
    await tabTo(page, 'Stop');
    await page.keyboard.press('Enter');
    await page.locator('[role="status"]', { hasText: 'Off.' }).waitFor();
    await tabTo(page, publication!);
    await page.keyboard.press('Enter');
    await page.locator('.subject h2', { hasText: publication! }).waitFor();
    ada.close();
  });

  it.each(['light', 'dark'] as const)(
    '[X6] [G1] on a phone, %s, hostile names are text and nothing is beside the screen',
    async (scheme) => {
      const long = 'x'.repeat(128);
      const clients = await Promise.all(
        [EVIL, '\u202Egnp.exe', long].map((user) => gateway.connect({ auth: { user } })),
      );
      const watched = await open('#/room/evil');
      const { page, problems } = watched;
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width: 390, height: 844 });
      await page.check('#payloads');
      await page.getByText('Watch live').click();
      await page.locator('[role="status"]', { hasText: 'Watching' }).waitFor();
      for (const client of clients) await client.request('room:join', { room: 'evil' });
      await clients[0]!.request('room:emit', {
        room: 'evil',
        event: EVIL,
        args: [`${EVIL} said`, 'y'.repeat(10_000)],
      });
      await line(page, /delivery.*<img src=x/).waitFor();
      await line(page, /join.*U\+202E/).waitFor();
      await line(page, /join.*xxx/).waitFor();
      expect(await page.evaluate<number>(OVERFLOW)).toBe(0);
      expect(await page.getAttribute('body', 'data-planted')).toBeNull();
      expect(await page.locator('.trace img').count()).toBe(0);
      expect(withoutAnswers(problems)).toEqual([]);
      for (const client of clients) client.close();
    },
  );
});
