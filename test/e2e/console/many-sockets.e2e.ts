import { jest } from '@jest/globals';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { Engine } from '../../../src/engine/engine.js';
import type { SocketEntry } from '../../../src/protocol/entries.js';
import { SwitchboardError } from '../../../src/protocol/errors.js';
import { describeWithBrowser, TestBrowser } from '../../support/browser.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

const SOCKETS = 100_000;
/** One request to Redis in a turn, so that none waits for others of this test: late by a second, Redis counts as hung. */
const AT_ONCE = 200;
/** An answer for one page of a list. */
const MAX_ANSWER_BYTES = 64_000;

jest.setTimeout(300_000);

const entry = (number: number): SocketEntry => ({
  socketId: `s${String(number).padStart(19, '0')}`,
  user: `user-${number % 50_000}`,
  node: 'n-many',
  namespace: '/',
  transport: 'websocket',
  protocol: 4,
  address: `10.0.${(number >> 8) & 255}.${number & 255}`,
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Chrome/150 Safari/537.36',
  connectedAt: new Date(Date.UTC(2030, 0, 1) + number).toISOString(),
  rooms: [],
  info: null,
});

(describeWithRedis === describe ? describeWithBrowser : describe.skip)(
  'the console with 100,000 sockets',
  () => {
    let redis: TestRedis;
    let gateway: TestGateway;
    let browser: TestBrowser;

    /** As its client does, it comes again when shared state could not be reached in time. */
    const enter = (socket: SocketEntry): Promise<void> =>
      until(`${socket.socketId} is in the registry`, async () => {
        try {
          await gateway.app.get(Engine).holdings.enter(socket.socketId, () => socket, SOCKETS);
          return true;
        } catch (failure) {
          if (failure instanceof SwitchboardError && failure.code === 'engine.unavailable') return false;
          throw failure;
        }
      });

    /** Puts them into the registry of all nodes as a node does that takes them in. */
    const fill = async (): Promise<void> => {
      for (let from = 0; from < SOCKETS; from += AT_ONCE) {
        const turn = Array.from({ length: AT_ONCE }, (_, index) => entry(from + index));
        await Promise.all(turn.map(enter));
      }
    };

    beforeAll(async () => {
      redis = await TestRedis.start();
      gateway = await startGateway({ redisUrl: redis.url, nodeLeaseMs: 60_000 });
      await fill();
      browser = await TestBrowser.launch();
    });
    afterAll(async () => {
      await browser?.close();
      await gateway?.close();
      await redis?.kill();
    });

    it('[G2] shows how many there are, a page of them at a time, and finds one, and asks for no more', async () => {
      const { page, problems } = await browser.open('about:blank');
      const sizes: number[] = [];
      page.on('response', (response) => {
        if (!response.url().includes('/v1/')) return;
        response.body().then(
          (body) => sizes.push(body.length),
          () => undefined, // Of a probe that was broken off.
        );
      });
      await page.goto(`${gateway.url}/console`);
      await page.locator('[data-tile="sockets"]', { hasText: '100\u202f000' }).waitFor();
      await page.locator('[data-tile="users"]', { hasText: '50\u202f000' }).waitFor();

      await page.click('[data-tile="sockets"]');
      await page.locator('.paged [role="status"]', { hasText: '50 of 100\u202f000' }).waitFor();
      await page.getByText('Show 50 more').click();
      await page.locator('.paged [role="status"]', { hasText: '100 of 100\u202f000' }).waitFor();
      const shown = await page.locator('.rows > li > a').allTextContents();
      expect([shown.length, new Set(shown).size]).toEqual([100, 100]);

      await page.fill('#search', entry(77_777).socketId);
      await page.press('#search', 'Enter');
      await page.locator('.subject .now', { hasText: 'Connected, of the user user-27777' }).waitFor();
      await page.fill('#search', 'user-49999');
      await page.press('#search', 'Enter');
      await page.locator('.subject .now', { hasText: 'Online with 2 sockets' }).waitFor();

      expect(sizes.length).toBeGreaterThan(5);
      expect(Math.max(...sizes)).toBeLessThan(MAX_ANSWER_BYTES);
      expect(problems.filter((problem) => !problem.includes('Failed to load resource'))).toEqual([]);
    });
  },
);
