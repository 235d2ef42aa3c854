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

/** The way that a newcomer goes; the code beside each step is written by the page, which knows its address. */
const STEPS = [
  {
    id: 'window',
    number: 1,
    title: 'Open a second window',
    text: 'Each window connects by itself: it is a socket of its own. Put them side by side.',
    button: 'Open a second window',
    watch: 'There is one socket: this window.',
  },
  {
    id: 'broadcast',
    number: 2,
    title: 'Broadcast',
    text: 'A backend asks the gateway over HTTP to send an event to everyone. Both windows get it.',
    button: 'Broadcast to both',
    watch: 'Watch “Received” in both windows.',
  },
  {
    id: 'break',
    number: 3,
    title: 'Break the connection',
    text: 'As a lost network would. The client comes back by itself, as a new socket, and joins its rooms again.',
    button: 'Break it',
    watch: 'Watch “Lifecycle”, and the socket ID.',
  },
] as const;

/** What the view shows. */
export interface PageValues {
  readonly mode: 'open' | 'secured';
  /** Those that the gateway takes: the page connects with the first choice that it offers. */
  readonly transports: readonly string[];
  /** Whether nobody is let in without a token of the gateway's. */
  readonly wantsToken: boolean;
  /** Pages that this gateway serves: the page leads to no other. */
  readonly pages: readonly string[];
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
    steps: STEPS,
    ...values,
  });
}

/** The page connects. */
export const PAGE_HEADERS = pageHeaders(['ws:', 'wss:']);
