/** The landing page as text, and the headers it is sent with. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import ejs from 'ejs';
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
 * Compiled once, by hand: importing the module must not change the view engine of somebody's Express app.
 */
const template = ejs.compile(readFileSync(VIEW, 'utf8'), {
  filename: VIEW,
  _with: false,
  localsName: 'page',
});

/** The page as HTML. */
export const renderPage = (values: PageValues): string =>
  template({ title: 'Switchboard', version: gatewayVersion, greeting: 'Hello World kese ho', ...values });

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
