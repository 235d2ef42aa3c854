/** A real browser for the end to end tests of the playground: the system's Chromium, driven by Playwright. */
import { existsSync } from 'node:fs';
import { type Browser, type Page, chromium } from 'playwright-core';

const CHROMIUM_PATH = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

const isInstalled = existsSync(CHROMIUM_PATH);
const HOW_TO_GET_IT = `no Chromium at ${CHROMIUM_PATH}: install it (apt-get install chromium) or set CHROMIUM_PATH`;

if (!isInstalled && !process.env['CI']) process.stderr.write(`skipping browser tests, ${HOW_TO_GET_IT}\n`);

/** `describe`, skipped on a developer's machine without Chromium. In CI its absence is a failure. */
export const describeWithBrowser = isInstalled || process.env['CI'] ? describe : describe.skip;

/** Starts Chromium with a fresh profile; nothing in it talks to anybody but the page's own server. */
export async function launchBrowser(): Promise<Browser> {
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

/** A page of its own profile, and what went wrong in it: uncaught errors, console errors, policy violations. */
export interface WatchedPage {
  readonly page: Page;
  readonly problems: string[];
}

export async function openPage(browser: Browser, url: string): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    // Chromium reports a violation of the Content-Security-Policy as a console error too.
    if (message.type() === 'error') problems.push(`console: ${message.text()}`);
  });
  await page.goto(url);
  return { page, problems };
}
