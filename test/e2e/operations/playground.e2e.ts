import type { Page } from 'playwright-core';
import { jest } from '@jest/globals';
import { startGateway } from 'switchboard-gateway/testing';
import { PathProxy } from '../../support/path-proxy.js';
import { SECRET, everythingIn, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';
import { type WatchedPage, describeWithBrowser, TestBrowser } from '../../support/browser.js';

const LIFECYCLE_EVENTS = [
  'connect',
  'disconnect',
  'connect_error',
  'connect_timeout',
  'reconnect',
  'reconnect_attempt',
  'reconnecting',
  'reconnect_error',
  'reconnect_failed',
] as const;

/** What a browser says when nobody answers, which some tests provoke. */
const UNREACHABLE = /Failed to load resource|WebSocket connection to .* failed/;

/** Run in the page, hence text: the tests are compiled without the browser's types. */
const FOCUSED_ID = "document.activeElement?.id ?? ''";
const PLANT_INLINE_SCRIPT = `
  const script = document.createElement('script');
  script.textContent = 'document.body.dataset.planted = "yes"';
  document.body.append(script);
`;

/** Choices and buttons whose text is longer than the room that they have. */
const CUT_LABELS = `[...document.querySelectorAll('button, select, .button, a')].filter((element) => {
  if (element.tagName !== 'SELECT') return element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0;
  const probe = document.createElement('span');
  probe.style.setProperty('font', getComputedStyle(element).font);
  probe.style.setProperty('position', 'absolute');
  probe.textContent = element.selectedOptions[0]?.textContent.trim() ?? '';
  document.body.append(probe);
  const wanted = probe.offsetWidth + 34; // The arrow and the padding.
  probe.remove();
  return wanted > element.clientWidth;
}).map((element) => element.id || element.textContent)`;

const untilState = (page: Page, state: string) => page.waitForSelector(`#state[data-state="${state}"]`);

const untilHappened = (page: Page, event: string) =>
  page.waitForSelector(`#lifecycle-${event}:not([data-count="0"])`);

/** Chooses a client and waits until the page is connected with it. */
async function useClient(page: Page, generation: string): Promise<void> {
  await untilState(page, 'connected');
  if ((await page.inputValue('#client-version')) === generation) return;
  await page.click('#timeline-clear');
  await page.selectOption('#client-version', generation);
  await untilHappened(page, 'connect');
  await untilState(page, 'connected');
}

async function join(page: Page, room: string): Promise<void> {
  await page.fill('#room-name', room);
  await page.click('#room-join');
  await page.waitForSelector(`#rooms [data-room="${room}"]`);
}

async function broadcast(page: Page, text: string): Promise<void> {
  await page.fill('#broadcast-text', text);
  await page.click('#broadcast');
}

const received = (page: Page, text: string) =>
  page.locator('#events [data-event="message"]', { hasText: text }).first().waitFor();

/** A test waits for several things, each for as long as `openPage` allows. */
jest.setTimeout(60_000);

describeWithBrowser('the playground in a browser', () => {
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  let browser: TestBrowser;

  const open = async (): Promise<WatchedPage> => {
    const watched = await browser.open(gateway.url);
    await untilState(watched.page, 'connected');
    return watched;
  };

  beforeAll(async () => {
    gateway = await startGateway({
      history: [{ pattern: 'kept-*', size: 100, ttlMs: 60_000 }],
      // A page that is closed while it upgrades is missed by a ping only.
      pingIntervalMs: 4_000,
      pingTimeoutMs: 8_000,
    });
    browser = await TestBrowser.launch();
  });
  afterEach(async () => {
    await browser.leave();
    // The next test may count who gets a broadcast.
    await until('the pages have left', async () => (await gateway.registry.getStats()).sockets === 0);
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
  });

  it('[L8] connects by itself with the 4.x client and shows the socket ID that the gateway knows', async () => {
    const { page, problems } = await open();
    expect(await page.textContent('#state')).toBe('Connected');
    expect(await page.inputValue('#client-version')).toBe('v4');
    const socketId = await page.textContent('#socket-id');
    const entry = await fetch(`${gateway.url}/v1/sockets/${socketId}`);
    expect(entry.status).toBe(200);
    expect(await entry.json()).toMatchObject({ socketId, user: await page.inputValue('#user') });
    expect(problems).toEqual([]);
  });

  it.each([['polling'], ['websocket']] as const)(
    '[L8] connects by itself with a gateway that takes %s only',
    async (transport) => {
      const picky = await startGateway({ transports: [transport] });
      const { page } = await browser.open(picky.url);
      await untilState(page, 'connected');
      await browser.leave();
      await picky.close();
    },
  );

  it('[L8] works under the path of a proxy that takes it off: pages, clients, upgrade, emits', async () => {
    const proxy = await PathProxy.to(gateway.port, '/live/chat');
    const { page, problems } = await browser.open(proxy.url);
    try {
      for (const client of ['v4', 'v2']) {
        await useClient(page, client);
        await page.locator('#transport', { hasText: 'websocket' }).waitFor();
        await broadcast(page, `under a path, ${client}`);
        await received(page, `under a path, ${client}`);
      }
      expect(await page.textContent('#curl')).toContain(`${proxy.url}v1/emit`);
      expect(problems).toEqual([]);
    } finally {
      await browser.leave();
      await proxy.close();
    }
  });

  it('[L8] works under the path of a proxy that leaves it in requests', async () => {
    const under = await startGateway({ pathPrefix: '/live/chat' });
    const proxy = await PathProxy.to(under.port, '/live/chat', true);
    // Without the slash at its end it leads there.
    const { page, problems } = await browser.open(proxy.url.slice(0, -1));
    try {
      expect(page.url()).toBe(proxy.url);
      for (const client of ['v4', 'v2']) {
        await useClient(page, client);
        await page.locator('#transport', { hasText: 'websocket' }).waitFor();
        await broadcast(page, `under a path, ${client}`);
        await received(page, `under a path, ${client}`);
      }
      expect(problems).toEqual([]);
      for (const path of ['health/ready', 'v1/stats', 'docs', 'console', 'openapi.json', 'metrics']) {
        expect([path, (await fetch(proxy.url + path)).status]).toEqual([path, 200]);
      }
      // Probes come past the proxy.
      expect((await fetch(`${under.url}/health/live`)).status).toBe(200);
      expect((await fetch(`${under.url}/live/chatter/health/live`)).status).toBe(404);
    } finally {
      await browser.leave();
      await proxy.close();
      await under.close();
    }
  });

  it('[L8] the upgrade from polling to websocket and the round trip are shown', async () => {
    const { page } = await open();
    await page.locator('#transport', { hasText: 'websocket' }).waitFor();
    expect(await page.textContent('#transport-path')).toBe('upgraded from polling');
    await page.locator('#rtt', { hasText: / ms$/ }).waitFor();
  });

  it('[L8] a broadcast from one page arrives in both', async () => {
    const [here, there] = [await open(), await open()];
    await broadcast(here.page, 'Hello World kese ho');
    await received(here.page, 'Hello World kese ho');
    await received(there.page, 'Hello World kese ho');
    await here.page
      .locator('#broadcast-result', { hasText: /^Accepted: 2 sockets matched, id \S+$/ })
      .waitFor();
    expect([...here.problems, ...there.problems]).toEqual([]);
  });

  it('[L8] what others send is shown as text, never as HTML', async () => {
    const [here, there] = [await open(), await open()];
    await broadcast(here.page, '<img src="/nothing" id="planted">');
    await received(there.page, '<img src=');
    expect(await there.page.locator('#planted').count()).toBe(0);
    expect(there.problems).toEqual([]);
  });

  it('[L8] an inline script is refused by the page’s policy', async () => {
    const { page, problems } = await open();
    await page.evaluate(PLANT_INLINE_SCRIPT);
    expect(await page.getAttribute('body', 'data-planted')).toBeNull();
    expect(problems.join()).toContain('Content Security Policy');
  });

  it('[L8] breaking the transport shows how the client comes back, and in its rooms', async () => {
    const { page, problems } = await open();
    await join(page, 'lobby');
    const before = await page.textContent('#socket-id');
    await page.click('#break');
    await untilHappened(page, 'reconnect');
    await untilState(page, 'connected');
    expect(await page.textContent('#socket-id')).not.toBe(before);

    const names = await page.locator('#timeline .entry strong').allTextContents();
    expect(names.toReversed()).toEqual([
      'connect',
      'disconnect',
      'reconnect_attempt',
      'reconnecting',
      'reconnect',
      'connect',
    ]);
    await page.waitForSelector('#rooms [data-room="lobby"]');
    expect(problems).toEqual([]);
  });

  it.each(['v2', 'v3', 'v4'])(
    '[L8] the %s client connects, joins, receives and shows who is there',
    async (generation) => {
      const { page, problems } = await open();
      await page.fill('#user', `ada-${generation}`);
      await page.click('#apply');
      await untilState(page, 'connected');
      await useClient(page, generation);

      const socketId = await page.textContent('#socket-id');
      const entry = await fetch(`${gateway.url}/v1/sockets/${socketId}`);
      expect(await entry.json()).toMatchObject({ user: `ada-${generation}` });

      await join(page, `room-of-${generation}`);
      await page.waitForSelector(`#members [data-user="ada-${generation}"]`);
      await broadcast(page, `to ${generation}`);
      await received(page, `to ${generation}`);
      expect(problems).toEqual([]);
    },
  );

  it.each([
    ['v2', []],
    ['v3', ['connect_timeout', 'reconnecting']],
    ['v4', ['connect_timeout', 'reconnecting']],
  ])(
    '[L8] all nine lifecycle events can be seen with the %s client; derived: %j',
    async (generation, derived) => {
      const { page, problems } = await open();
      await useClient(page, generation);
      await page.click('#break');
      await untilHappened(page, 'reconnect');
      await untilState(page, 'connected');
      await page.click('#scenario-nowhere');
      await untilState(page, 'failed');
      await page.click('#scenario-slow');
      await untilHappened(page, 'connect_timeout');
      await untilState(page, 'failed');
      await page.click('#scenario-normal');
      await untilState(page, 'connected');

      for (const event of LIFECYCLE_EVENTS) {
        const lamp = page.locator(`#lifecycle-${event}`);
        const isDerived = (derived as string[]).includes(event);
        expect([event, Number(await lamp.getAttribute('data-count')) > 0]).toEqual([event, true]);
        expect([event, (await lamp.locator('.badge').textContent()) === 'derived']).toEqual([
          event,
          isDerived,
        ]);
        const marked = await page.locator(`#timeline [data-event="${event}"][data-origin="derived"]`).count();
        expect([event, marked > 0]).toEqual([event, isDerived]);
      }
      if (derived.length > 0) {
        expect(await page.textContent('#lifecycle-note')).toContain(
          'connect_timeout is derived from connect_error',
        );
      }
      expect(problems.filter((problem) => !UNREACHABLE.test(problem))).toEqual([]);
    },
    90_000,
  );

  it('[L8] an emit to the server shows its acknowledgement, and arguments that are not JSON are refused', async () => {
    const { page } = await open();
    await page.click('#emit-send');
    const socketId = await page.textContent('#socket-id');
    await page.locator('#emit-ack', { hasText: `"socketId": "${socketId}"` }).waitFor();

    await page.fill('#emit-args', '[1, ');
    expect(await page.textContent('#emit-args-problem')).toContain('Not JSON');
    expect(await page.getAttribute('#emit-args', 'aria-invalid')).toBe('true');

    await page.fill('#emit-event', 'no-such-event');
    await page.fill('#emit-args', '[1]');
    await page.click('#emit-send');
    await page.locator('#emit-ack', { hasText: 'event.unknown' }).waitFor();
  });

  it('[L8] an emit to a room reaches its members on other pages', async () => {
    const [here, there] = [await open(), await open()];
    await join(here.page, 'lobby');
    await join(there.page, 'lobby');
    await here.page.selectOption('#emit-target', 'room');
    expect(await here.page.inputValue('#emit-to')).toBe('lobby');
    await here.page.fill('#emit-args', '["to the room"]');
    await here.page.click('#emit-send');
    await received(there.page, 'to the room');
  });

  /** Breaks the transport and publishes before the client is back. */
  async function missEvent(page: Page, to: object, text: string): Promise<void> {
    await page.click('#timeline-clear');
    await page.click('#break');
    await untilState(page, 'retrying');
    await gateway.http('POST', '/v1/emit', { to, event: 'message', data: text });
    await untilHappened(page, 'reconnect');
    await untilState(page, 'connected');
  }

  it('[H4] a 4.x client that asks for recovery comes back as the same socket and shows what was replayed', async () => {
    const { page, problems } = await open();
    await page.check('#recovery');
    await page.fill('#delay', '3000');
    await page.click('#apply');
    await untilState(page, 'connected');
    await join(page, 'lobby');
    const before = await page.textContent('#socket-id');
    await missEvent(page, { rooms: ['lobby'] }, 'while away');
    await page
      .locator('#events [data-event="message"][data-origin="replayed"]', { hasText: 'while away' })
      .waitFor();
    await page.locator('#state-detail', { hasText: 'recovered, 1 event replayed' }).waitFor();
    // The cursor that its client is told is no argument.
    expect(await page.locator('#events [data-origin="replayed"] .entry-args').textContent()).toBe(
      '"while away"',
    );
    expect(await page.textContent('#socket-id')).toBe(before);
    await page.waitForSelector('#rooms [data-room="lobby"]');

    await broadcast(page, 'after that');
    await received(page, 'after that');
    expect(await page.locator('#events [data-origin="replayed"]').count()).toBe(1);
    expect(problems).toEqual([]);
  });

  it.each(['v2', 'v3', 'v4'])(
    '[H5] the %s client joins with positions and goes on where it was',
    async (generation) => {
      const { page, problems } = await open();
      await useClient(page, generation);
      await page.fill('#delay', '3000');
      await page.click('#apply');
      await untilState(page, 'connected');
      const room = `kept-${generation}`;
      await page.check('#room-meta');
      await join(page, room);
      await missEvent(page, { rooms: [room] }, 'while away');
      await page.locator('#events [data-origin="replayed"]', { hasText: 'while away' }).waitFor();
      await page.locator('#room-status', { hasText: `Joined ${room} again, 1 replayed.` }).waitFor();

      await page.click('#room-history');
      await page.locator('#events [data-origin="history"]', { hasText: 'while away' }).waitFor();
      expect(problems).toEqual([]);
    },
  );

  it('[M4] members come and go as it happens', async () => {
    const { page, problems } = await open();
    await join(page, 'hall');
    await page.locator('#members-title', { hasText: '1 in hall' }).waitFor();
    const guest = await gateway.connect({ auth: { user: 'grace' } });
    await guest.request('room:join', { room: 'hall' });
    await page.locator('#members [data-user="grace"]').waitFor();
    await page.locator('#members-title', { hasText: '2 in hall' }).waitFor();
    await page.locator('#events [data-event="room:presence"]', { hasText: 'grace' }).waitFor();
    await guest.request('room:leave', { room: 'hall' });
    await page.locator('#members-title', { hasText: '1 in hall' }).waitFor();
    expect(await page.locator('#members [data-user="grace"]').count()).toBe(0);
    expect(problems).toEqual([]);
    guest.close();
  });

  it('[L8] a newcomer goes three steps, each with its code, and sees each of them done', async () => {
    const { page, problems } = await open();
    const [second] = await Promise.all([page.context().waitForEvent('page'), page.click('#step-window-go')]);
    await untilState(second, 'connected');
    expect(await second.textContent('#user-shown')).not.toBe(await page.textContent('#user-shown'));
    expect(await page.textContent('#step-window-js')).toContain(`io('${gateway.url}'`);

    await page.click('#step-broadcast-go');
    await received(second, 'Hello World kese ho');
    await page.locator('#step-broadcast[data-done="true"]').waitFor();
    expect(await page.textContent('#step-broadcast-curl')).toContain(`${gateway.url}/v1/emit`);

    const before = await page.textContent('#socket-id');
    expect(await page.textContent('#step-break-curl')).toContain(`/v1/sockets/${before}?reconnect=true`);
    await page.click('#step-break-go');
    await page.locator('#path-done', { hasText: '3 of 3 done' }).waitFor();
    await useClient(page, 'v2');
    expect(await page.textContent('#step-window-js')).toContain('query: { user');
    expect(problems).toEqual([]);
  });

  it('[L8] the code beside the steps does what it says', async () => {
    const { page } = await open();
    const listener = await gateway.connect();
    const curl = (await page.textContent('#step-broadcast-curl'))!;
    const body = /-d '(.*)'/s.exec(curl)![1]!;
    const url = /https?:\/\/\S+/.exec(curl)![0];
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(answer.status).toBe(202);
    expect(await listener.next('message')).toEqual(['hello']);
    await received(page, 'hello');
    const ending = /'(https?:[^']+)'/.exec((await page.textContent('#step-break-curl'))!)![1]!;
    expect((await fetch(ending, { method: 'DELETE' })).status).toBe(204);
    await untilHappened(page, 'reconnect');
    listener.close();
  });

  it('[L8] what a word means is shown when it is pointed at, tapped or focused, and goes with Escape', async () => {
    const { page } = await open();
    const meaning = page.locator('#term-text');
    await page.hover('[data-term="socket"] button');
    await meaning.getByText('one client that is connected').waitFor();
    await page.mouse.move(0, 0);
    await meaning.waitFor({ state: 'hidden' });
    await page.focus('[data-term="transport"] button');
    await meaning.getByText('HTTP long polling').waitFor();
    await page.keyboard.press('Escape');
    await meaning.waitFor({ state: 'hidden' });
    await page.locator('[data-term="room"] button').click();
    await meaning.getByText('A named group of sockets').waitFor();
  });

  it('[L8] leads from a socket to its story in the console', async () => {
    const { page } = await open();
    const socketId = await page.textContent('#socket-id');
    await page.click('#story');
    await page.locator('.subject h2', { hasText: socketId! }).waitFor();
    await page.locator('.subject .now', { hasText: 'Connected, of the user' }).waitFor();
  });

  it.each(['light', 'dark'] as const)(
    '[L8] on a phone, %s, what was just done and received is in view, and nothing is beside the screen',
    async (colorScheme) => {
      const { page, problems } = await open();
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 390, height: 844 });
      await page.click('#step-broadcast-go');
      for (const [line, text] of [
        ['#latest-did', 'Accepted: 1 socket matched'],
        ['#latest-got', 'message "Hello World kese ho"'],
      ] as const) {
        await page.locator(line, { hasText: text }).waitFor();
        const box = (await page.locator(line).boundingBox())!;
        expect(box.y + box.height).toBeLessThanOrEqual(844);
        expect(box.y).toBeGreaterThan(0);
      }
      expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBe(0);
      const cut = await page.evaluate<string[]>(CUT_LABELS);
      expect(cut).toEqual([]);
      expect(problems).toEqual([]);
    },
  );

  it('[L8] every control is reached with the keyboard, and a button that goes off keeps its focus', async () => {
    const { page } = await open();
    const wanted = [
      'theme',
      'client-version',
      'transports',
      'connect',
      'disconnect',
      'break',
      'copy-id',
      'broadcast-text',
      'broadcast',
      'emit-target',
      'emit-event',
      'emit-args',
      'emit-send',
      'room-name',
      'room-join',
      'room-leave',
      'user',
      'apply',
    ];
    const reached: string[] = [];
    for (let presses = 0; presses < 120 && reached.at(-1) !== 'apply'; presses += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate<string>(FOCUSED_ID));
    }
    expect(reached.filter((id) => wanted.includes(id))).toEqual(wanted);

    await page.focus('#disconnect');
    await page.keyboard.press('Enter');
    await untilState(page, 'idle');
    expect(await page.evaluate<string>(FOCUSED_ID)).toBe('disconnect');
    expect(await page.getAttribute('#disconnect', 'aria-disabled')).toBe('true');
    await page.focus('#connect');
    await page.keyboard.press('Enter');
    await untilState(page, 'connected');
  });
});

describeWithBrowser('the playground of a secured gateway', () => {
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  let browser: TestBrowser;

  beforeAll(async () => {
    gateway = await startGateway({ jwtSecret: SECRET });
    browser = await TestBrowser.launch();
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
  });

  it('[L8] asks for the token first, with the command that makes one, and connects with it', async () => {
    const { page, problems, asked } = await browser.open(gateway.url);
    await page.locator('#state-detail', { hasText: 'A token comes first' }).waitFor();
    expect(await page.evaluate<string>(FOCUSED_ID)).toBe('token');
    expect(await page.textContent('.gate pre')).toContain('node dist/cli.js token --user');
    expect(asked.filter((address) => address.includes('/socket.io/'))).toEqual([]);

    await page.fill('#token', await sign({ sub: 'ada', caps: [everythingIn('*')] }));
    await page.keyboard.press('Enter');
    await untilState(page, 'connected');
    await page.locator('#user-shown', { hasText: 'ada' }).waitFor();
    expect(await page.locator('.gate-help').isVisible()).toBe(false);
    await join(page, 'lobby');
    expect(await page.textContent('#step-window-js')).toContain('auth: { token }');
    expect(problems).toEqual([]);

    await page.click('#step-broadcast-go');
    expect(await page.evaluate<string>(FOCUSED_ID)).toBe('api-key');
    await browser.leave();
  });

  it('[L8] shows why a token is refused', async () => {
    const { page } = await browser.open(gateway.url);
    await page.fill('#token', await sign({ sub: 'ada', exp: 1 }));
    await page.click('#token-use');
    await untilState(page, 'refused');
    await page.locator('#state-detail', { hasText: 'auth.token_expired' }).waitFor();
    await browser.leave();
  });
});
