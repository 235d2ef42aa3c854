/** The landing page as text, and the headers it is sent with. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { ClientRelease } from './client-bundles.js';

const VIEW = fileURLToPath(new URL('./views/index.ejs', import.meta.url));

const { version: gatewayVersion } = createRequire(import.meta.url)('../../package.json') as {
  version: string;
};

/** What the view shows. */
export interface PageValues {
  readonly mode: 'open' | 'secured';
  /** Those that the gateway takes: the page connects with the first choice that it offers. */
  readonly transports: readonly string[];
  readonly clients: readonly ClientRelease[];
}

/**
 * The page as HTML. The template engine is loaded for it: a gateway whose page nobody opens needs none.
 *
 * The view is compiled by hand: importing the module must not change the view engine of somebody's Express app.
 */
export async function renderPage(values: PageValues): Promise<string> {
  const [{ default: ejs }, view] = await Promise.all([import('ejs'), readFile(VIEW, 'utf8')]);
  const template = ejs.compile(view, { filename: VIEW, _with: false, localsName: 'page' });
  return template({
    title: 'Switchboard',
    version: gatewayVersion,
    greeting: 'Hello World kese ho',
    ...values,
  });
}

/**
 * No inline script or style, nothing from elsewhere, no frames.
 *
 * `ws:` and `wss:` stand beside `'self'` because browsers disagree on whether `'self'` covers WebSocket.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
  // The page names the mode and the client releases: always ask again, answer 304 when nothing changed.
  'Cache-Control': 'no-cache',
};
