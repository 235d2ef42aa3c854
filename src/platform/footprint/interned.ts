/** Texts kept; whoever sends ever new ones only makes the others be kept again. */
const MAX_KEPT = 1_000;

/** Longer texts are hardly ever the same on two connections. */
const MAX_LENGTH = 512;

/** Headers that differ on each connection, or hold what must not outlive it. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'sec-websocket-key',
  'x-forwarded-for',
  'x-real-ip',
  'x-request-id',
  'traceparent',
]);

const kept = new Map<string, string>();

/** The same text, held in memory once for all connections that have it. */
export function interned(text: string): string {
  const known = kept.get(text);
  if (known !== undefined) return known;
  if (text.length > MAX_LENGTH) return text;
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(text, text);
  return text;
}

/** In place: browsers of one version send half a kilobyte of headers that are the same for all of them. */
export function internHeaders(headers: NodeJS.Dict<string | string[]>): void {
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (typeof value === 'string' && !OWN_HEADERS.has(name)) headers[name] = interned(value);
  }
}
