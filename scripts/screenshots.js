/**
 * Takes the pictures of the README anew: the built gateway with a little traffic, in the system's Chromium.
 *
 *     npm run screenshots
 */
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { io } from 'socket.io-client';
import { startGatewayProcess } from '../test/support/gateway-process.js';

const CHROMIUM_PATH = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const CHROME =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36';
const TOO_LARGE_BYTES = 150_000;
const TIMES_TOO_LARGE = 6;

const fileOf = (name) => fileURLToPath(new URL(`../docs/images/${name}.png`, import.meta.url));

const gateway = await startGatewayProcess();
const browser = await chromium.launch({
  executablePath: CHROMIUM_PATH,
  args: ['--no-sandbox', '--disable-gpu'],
});

const open = async (path, height) => {
  const page = await browser.newPage({ viewport: { width: 1200, height }, colorScheme: 'light' });
  await page.goto(gateway.url + path);
  return page;
};

/** A newcomer's three steps, done in two windows. */
async function playground() {
  const page = await open('/', 860);
  const [second] = await Promise.all([page.waitForEvent('popup'), page.click('#step-window-go')]);
  await second.locator('#state[data-state="connected"]').waitFor();
  await page.bringToFront();
  await page.click('#step-broadcast-go');
  await page.locator('#step-broadcast[data-done="true"]').waitFor();
  await page.click('#step-break-go');
  await page.locator('#path-done', { hasText: '3 of 3 done' }).waitFor();
  await page.locator('#rtt', { hasText: 'ms' }).waitFor();
  await page.mouse.move(0, 0);
  await page.screenshot({ path: fileOf('playground') });
}

/** A client that sends a message over the limit each time it is back. */
async function incident() {
  const socket = io(gateway.url, {
    auth: { user: 'grace' },
    transports: ['websocket'],
    reconnectionDelay: 300,
    extraHeaders: { 'user-agent': CHROME },
  });
  for (let time = 0; time < TIMES_TOO_LARGE; time++) {
    await new Promise((resolve) => socket.once('connect', resolve));
    await socket.emitWithAck('room:join', { room: 'design' });
    socket.emit('room:emit', { room: 'design', event: 'file', args: ['x'.repeat(TOO_LARGE_BYTES)] });
  }
  await new Promise((resolve) => socket.once('disconnect', resolve));
  socket.disconnect();
}

async function consolePage() {
  await incident();
  const page = await open('/console', 900);
  await page.fill('#search', 'grace');
  await page.press('#search', 'Enter');
  await page.locator('[data-finding="payload_too_large"]').waitFor();
  await page.evaluate(() => document.activeElement?.blur());
  await page.screenshot({ path: fileOf('console') });
}

try {
  await playground();
  await consolePage();
} finally {
  await browser.close();
  await gateway.stop();
}
