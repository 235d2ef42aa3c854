/** A real browser for the end to end tests of the playground: the system's Chromium, driven by Playwright. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, type Page, chromium } from 'playwright-core';

const CHROMIUM_PATH = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

const isInstalled = existsSync(CHROMIUM_PATH);
const HOW_TO_GET_IT = `no Chromium at ${CHROMIUM_PATH}: install it (apt-get install chromium) or set CHROMIUM_PATH`;

if (!isInstalled && !process.env['CI']) process.stderr.write(`skipping browser tests, ${HOW_TO_GET_IT}\n`);

/** `describe`, skipped on a developer's machine without Chromium. In CI its absence is a failure. */
export const describeWithBrowser = isInstalled || process.env['CI'] ? describe : describe.skip;

/** Starts Chromium with a fresh profile; nothing in it talks to anybody but the page's own server. */
async function launchBrowser(): Promise<Browser> {
  if (!isInstalled) throw new Error(HOW_TO_GET_IT);
  return chromium.launch({
    executablePath: CHROMIUM_PATH,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A page of its own profile. */
export interface WatchedPage {
  readonly page: Page;
  /** What went wrong in it: uncaught errors, console errors, policy violations. */
  readonly problems: string[];
  /** The addresses that it asked. */
  readonly asked: string[];
}

/** For one step. Less than a test is given, so that what was waited for in vain is named. */
const PATIENCE_MS = 20_000;
const BROWSER_TRIES = 3;
const DRAWS_WITHIN_MS = 5_000;
const VIEWPORT = { width: 1280, height: 900 };

/** Run in the page: whether it is drawn, without which no click ever finds its target at rest. */
const IS_DRAWN = 'new Promise((resolve) => requestAnimationFrame(() => resolve(true)))';

/**
 * A page that the browser draws, before anything of the gateway is in it.
 *
 * Now and then a busy machine's headless Chromium makes one that stays blank for ever: that one is replaced.
 */
async function blankPage(browser: Browser): Promise<Page> {
  for (let tries = 1; tries <= BROWSER_TRIES; tries += 1) {
    const drawn = newPage(browser);
    const page = await Promise.race([drawn, sleep(tries * DRAWS_WITHIN_MS, undefined, { ref: false })]);
    if (page !== undefined) return page;
    drawn.catch(() => undefined); // It ends with the browser.
  }
  throw new Error(`Chromium drew none of ${BROWSER_TRIES} empty pages`);
}

async function newPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: VIEWPORT });
  const page = await context.newPage();
  await page.evaluate(IS_DRAWN);
  page.setDefaultTimeout(PATIENCE_MS);
  return page;
}

/** Run in a page before it goes. What it keeps for its origin is all that it keeps, beside cookies. */
const FORGET_ALL = 'localStorage.clear(); sessionStorage.clear()';

/** Makes a page what it was when it was new: a new one costs more than a second of CPU until it runs what it loads. */
async function forgetAll(page: Page): Promise<void> {
  const context = page.context();
  for (const name of ['request', 'response', 'pageerror', 'console'] as const) page.removeAllListeners(name);
  await Promise.all(context.pages().map((other) => other === page || other.close()));
  await page.evaluate(FORGET_ALL);
  await page.goto('about:blank');
  await context.clearCookies();
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(VIEWPORT);
  await page.mouse.move(0, 0);
}

/** The browser of a suite. Each page has a profile of its own; one that a test has left is given to another, empty. */
export class TestBrowser {
  private readonly visited: Page[] = [];
  private readonly spare: Page[] = [];

  private constructor(private readonly browser: Browser) {}

  static async launch(): Promise<TestBrowser> {
    return new TestBrowser(await launchBrowser());
  }

  /** Opens `url` in a page in which nobody has been. */
  async open(url: string): Promise<WatchedPage> {
    const page = this.spare.pop() ?? (await blankPage(this.browser));
    this.visited.push(page);
    const problems: string[] = [];
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => problems.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      // Chromium reports a violation of the Content-Security-Policy as a console error too.
      if (message.type() === 'error') problems.push(`console: ${message.text()}`);
    });
    await page.goto(url);
    return { page, problems, asked };
  }

  /** Leaves all pages, as at the end of a test. */
  async leave(): Promise<void> {
    await Promise.all(
      this.visited.splice(0).map((page) =>
        forgetAll(page).then(
          () => this.spare.push(page),
          () => page.context().close(),
        ),
      ),
    );
  }

  async close(): Promise<void> {
    await this.browser.close();
  }
}
