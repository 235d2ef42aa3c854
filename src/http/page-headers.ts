/**
 * What pages of the gateway are sent with: no inline script or style, nothing from elsewhere, no frames.
 *
 * `ws:` and `wss:` stand beside `'self'` for pages that connect, because browsers disagree on whether `'self'` covers
 * WebSocket.
 */
export const pageHeaders = (connectsTo: readonly string[] = []): Readonly<Record<string, string>> => ({
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': [
    "default-src 'self'",
    ...(connectsTo.length === 0 ? [] : [`connect-src 'self' ${connectsTo.join(' ')}`]),
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
  // The page names the mode and releases: always ask again, answer 304 when nothing changed.
  'Cache-Control': 'no-cache',
});
