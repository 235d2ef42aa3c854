/** The landing page as text, and the headers it is sent with. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { pageHeaders } from '../http/page-headers.js';
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

/** The page connects. */
export const PAGE_HEADERS = pageHeaders(['ws:', 'wss:']);
