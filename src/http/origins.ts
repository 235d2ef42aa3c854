/**
 * Which pages of the web may talk to the gateway. [A5]
 *
 * CORS does not cover WebSocket, so the answer is given here, once, for every transport and for HTTP. It matters
 * most in open mode, where any page that a developer happens to visit could otherwise drive the gateway on
 * their machine.
 */
import { isLoopbackHost } from '../config/loopback.js';

/** A request and the policy it is held against. */
export interface OriginQuestion {
  /** The `Origin` header; `undefined` when there is none. */
  readonly origin: string | undefined;
  /** The `Host` header. */
  readonly host: string | undefined;
  /** Whether the request came in over TLS as far as the gateway can tell. */
  readonly secure: boolean;
  /** `SWITCHBOARD_CORS_ORIGINS`. */
  readonly allowed: readonly string[];
  readonly mode: 'open' | 'secured';
  /** `SWITCHBOARD_OPEN`: open mode is meant for more than this machine. */
  readonly open?: boolean;
}

/** Scheme and authority and nothing else: no path, no userinfo, no escapes, nothing a parser would skip. */
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([^\s/\\?#@%<>"'`{}|^,]+)$/i;

/** As a `Host` header may be: a name, an IPv4 address or an IPv6 address in brackets, with or without port. */
const HOST = /^(?:\[[0-9a-f:.]+\]|[^\s/\\?#@%<>"'`{}|^,:[\]]+)(?::\d{1,5})?$/i;

/** What app shells send for pages of the file system: the one origin without a host. */
const FILES = 'file://';

const isWeb = (scheme: string): boolean => scheme === 'http' || scheme === 'https';

/**
 * An origin in the one form a browser sends it (lower case, punycode, no default port), or `undefined` when it
 * is not an origin. Schemes of apps, as in `capacitor://localhost`, stay as they are.
 */
export function normalizeOrigin(origin: string): string | undefined {
  if (origin.toLowerCase() === FILES) return FILES;
  const [, scheme, authority] = ORIGIN.exec(origin) ?? [];
  if (scheme === undefined || authority === undefined) return undefined;
  const lower = scheme.toLowerCase();
  if (!isWeb(lower)) return `${lower}://${authority.toLowerCase()}`;
  if (!HOST.test(authority)) return undefined;
  try {
    return new URL(`${lower}://${authority}`).origin;
  } catch {
    return undefined;
  }
}

/** Configured lists live as long as the process, so each is put in its normal form once. */
const normalizedLists = new WeakMap<readonly string[], ReadonlySet<string>>();

function normalizedList(allowed: readonly string[]): ReadonlySet<string> {
  let list = normalizedLists.get(allowed);
  if (list === undefined) {
    list = new Set(
      allowed.map((origin) => (origin === 'null' ? origin : (normalizeOrigin(origin) ?? origin))),
    );
    normalizedLists.set(allowed, list);
  }
  return list;
}

/** `localhost.` with the dot of the root is the same host. */
const isLoopbackName = (hostname: string): boolean => isLoopbackHost(hostname.replace(/\.$/, ''));

/**
 * The origins that a page of the gateway itself can have, given its `Host` header.
 *
 * Behind a proxy that ends TLS the gateway sees plain HTTP, so both schemes count unless the request itself came
 * over TLS: then a page from plain HTTP is a different origin, which anyone on the way could have written.
 */
function ownOrigins(host: string | undefined, secure: boolean): readonly string[] {
  if (host === undefined || !HOST.test(host)) return [];
  const schemes = secure ? ['https'] : ['https', 'http'];
  return schemes.map((scheme) => normalizeOrigin(`${scheme}://${host}`)).filter((own) => own !== undefined);
}

/**
 * Whether a request with these headers may go on. [A5]
 *
 * - An `Origin` must be listed, be the gateway's own, or in open mode be on a loopback host, any port.
 * - No `Origin` means no browser, or a browser asking its own origin with GET.
 * - Open mode that is not meant for the network serves only under a loopback name or a listed one. That is
 *   against DNS rebinding: a page of evil.example whose name suddenly points to 127.0.0.1 is "the gateway's own
 *   origin" by its headers, and its GET requests carry no `Origin` at all.
 */
export function isOriginAllowed({
  origin,
  host,
  secure,
  allowed,
  mode,
  open = false,
}: OriginQuestion): boolean {
  const listed = normalizedList(allowed);
  const own = ownOrigins(host, secure);
  const isLocalOnly = mode === 'open' && !open;

  if (origin === undefined) {
    // HTTP/1.0 without a Host header is no browser either.
    return (
      !isLocalOnly || host === undefined || own.some((each) => isLoopbackOrigin(each) || listed.has(each))
    );
  }
  if (origin === 'null') return listed.has('null');
  const asked = normalizeOrigin(origin);
  if (asked === undefined) return false;
  if (listed.has(asked)) return true;
  if (mode === 'open' && isLoopbackOrigin(asked)) return true;
  return !isLocalOnly && own.includes(asked);
}

/** What a request says of where it comes from when it has no `Origin`. */
export interface UnnamedOrigin {
  readonly origin: string | undefined;
  /** The `Sec-Fetch-Site` header, which no script can set; `undefined` from older browsers and from no browser. */
  readonly site: string | undefined;
  /** The answer is to be JavaScript: what 2.x clients ask for in browsers without CORS. */
  readonly isJsonp: boolean;
}

/**
 * Whether a browser asks on behalf of a foreign page and does not say of which. [A5]
 *
 * Scripts and images are fetched without `Origin`. An image opens a connection blindly; a script reads what it answers
 * if that is JavaScript, so that any page of the web could listen in. Where the browser does not say that the
 * page is the gateway's own, there is none of that.
 */
export function comesFromHiddenPage({ origin, site, isJsonp }: UnnamedOrigin): boolean {
  if (origin !== undefined) return false;
  return site === undefined ? isJsonp : site !== 'same-origin' && site !== 'none';
}

function isLoopbackOrigin(origin: string): boolean {
  return /^https?:/.test(origin) && isLoopbackName(new URL(origin).hostname);
}
