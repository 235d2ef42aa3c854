import type { Page } from 'playwright-core';
import { describeWithBrowser, TestBrowser } from '../support/browser.js';
import { Tutorial } from '../support/tutorial.js';
import { until } from '../support/until.js';

const linesOf = (page: Page): Promise<string[]> => page.locator('#lines li').allTextContents();

/** Waits until the page shows these lines, and no others. */
const shows = (page: Page, lines: readonly string[]): Promise<void> =>
  until(`the page shows ${lines.join(' | ')}`, async () => {
    return JSON.stringify(await linesOf(page)) === JSON.stringify(lines);
  });

const says = (page: Page, id: string, text: string): Promise<void> =>
  until(`#${id} is ${text}`, async () => (await page.locator(`#${id}`).textContent()) === text);

const write = async (page: Page, text: string): Promise<void> => {
  await page.fill('#say input', text);
  await page.click('#say button:not([type])');
  await until('it is sent', async () => (await page.inputValue('#say input')) === '');
};

describeWithBrowser('the tutorial', () => {
  let tutorial: Tutorial;
  let browser: TestBrowser;

  const open = async (path: string): Promise<Page> => {
    const { page } = await browser.open(tutorial.deskUrl + path);
    return page;
  };
  const openBoth = async (): Promise<[Page, Page]> => {
    const [ann, sam] = [await open('/?user=ann'), await open('/?user=sam&customer=ann')];
    await says(ann, 'status', 'ann, in support:ann');
    await says(sam, 'status', 'sam, in support:ann');
    return [ann, sam];
  };

  beforeAll(async () => {
    [tutorial, browser] = [await Tutorial.create(), await TestBrowser.launch()];
  });
  afterEach(() => browser.leave());
  afterAll(async () => {
    await browser.close();
    await tutorial.end();
  });

  it('has a test for each of its steps', () => {
    expect(tutorial.steps).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('[M1] [D9] step 1: what one writes both see, by the name that the gateway knows', async () => {
    await tutorial.goTo(1);
    const [ann, sam] = await openBoth();
    await write(ann, 'hello');
    await shows(sam, ['ann: hello']);
    await write(sam, 'how can I help?');
    for (const page of [ann, sam]) await shows(page, ['ann: hello', 'sam: how can I help?']);
  });

  it('[M4] step 2: shows who is there, and who has left', async () => {
    await tutorial.goTo(2);
    const [ann, sam] = await openBoth();
    for (const page of [ann, sam]) await says(page, 'present', 'here: ann, sam');
    await sam.goto('about:blank');
    await says(ann, 'present', 'here: ann');
  });

  it('[D5] step 3: shows who is typing, for a while', async () => {
    await tutorial.goTo(3);
    const [ann, sam] = await openBoth();
    await sam.type('#say input', 'let');
    await says(ann, 'typing', 'sam is typing');
    await says(ann, 'typing', '');
  });

  it('[H1] [H2] [H3] step 4: shows what was said before, and misses nothing and doubles nothing over a break', async () => {
    await tutorial.goTo(4);
    const [ann, sam] = await openBoth();
    await write(ann, 'one');
    await write(sam, 'two');
    await ann.reload();
    await shows(ann, ['ann: one', 'sam: two']);
    const { sockets } = (await (await fetch(`${tutorial.gatewayUrl}/v1/users/ann`)).json()) as {
      sockets: { socketId: string }[];
    };
    const { socketId } = sockets[0]!;
    await fetch(`${tutorial.gatewayUrl}/v1/sockets/${socketId}?reconnect=true`, { method: 'DELETE' });
    await write(sam, 'three');
    await shows(ann, ['ann: one', 'sam: two', 'sam: three']);
    await write(sam, 'four');
    for (const page of [ann, sam]) await shows(page, ['ann: one', 'sam: two', 'sam: three', 'sam: four']);
  });

  it('[B3] [B4] step 5: a ticket is answered by the desk, refused in its words, and fails while it is away', async () => {
    await tutorial.goTo(5);
    const [ann, sam] = await openBoth();
    await ann.click('#open');
    await shows(ann, ['write what it is about']);
    await ann.fill('#say input', 'my parcel');
    await ann.click('#open');
    await shows(ann, ['write what it is about', 'ticket 1 is open']);
    await shows(sam, ['new ticket 1 of ann: my parcel']);
    await tutorial.stopDesk();
    await ann.click('#open');
    await until('she reads that it failed', async () => {
      return (await linesOf(ann)).at(-1) === 'the backend that handles this event failed';
    });
    await write(ann, 'still here');
    await shows(sam, ['new ticket 1 of ann: my parcel', 'ann: still here']);
  });

  const closeTicket = async (): Promise<unknown> =>
    (await fetch(`${tutorial.deskUrl}/close?ticket=1`)).json();

  it('[D1] step 6: the desk writes into the room, and knows whether she reads it', async () => {
    await tutorial.goTo(6);
    const [ann, sam] = await openBoth();
    await ann.fill('#say input', 'my parcel');
    await ann.click('#open');
    await shows(ann, ['ticket 1 is open']);
    expect(await closeTicket()).toEqual({ told: 'on 1 device(s)' });
    await shows(ann, ['ticket 1 is open', 'the desk: ticket 1 is closed']);
    await ann.goto('about:blank');
    await says(sam, 'present', 'here: sam');
    expect(await closeTicket()).toEqual({ told: 'by mail' });
    const again = await open('/?user=ann');
    await shows(again, ['the desk: ticket 1 is closed', 'the desk: ticket 1 is closed']);
  });

  it('[B6] [A2] step 7: lets in those who have logged in, each where she may be', async () => {
    await tutorial.goTo(7);
    const stranger = await open('/?user=ann');
    await says(stranger, 'status', 'log in first');
    const [ann, sam] = [await open('/login?user=ann'), await open('/login?user=sam&customer=ann')];
    await says(ann, 'status', 'ann, in support:ann');
    await says(sam, 'status', 'sam, in support:ann');
    await ann.fill('#say input', 'my parcel');
    await ann.click('#open');
    await shows(sam, ['new ticket 1 of ann: my parcel']);
    expect(await closeTicket()).toEqual({ told: 'on 1 device(s)' });
    await shows(ann, ['ticket 1 is open', 'the desk: ticket 1 is closed']);
    const curious = await open('/login?user=ann&customer=bob');
    await until('she may not', async () => {
      return /not/.test((await curious.locator('#status').textContent()) ?? '');
    });
    expect(await curious.locator('#status').textContent()).not.toContain('in support:bob');
  });
});
