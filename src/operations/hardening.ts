import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** A client that has not sent its headers by then is not going to. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** How late slow senders may be found out; Node.js looks only every 30 s. */
const CHECK_EVERY_MS = 2_000;
/** Longer than the idle time-out of common load balancers, so that they never use a connection that is closing. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

/**
 * What helmet sets. None of it depends on the request, so helmet is asked once: passing each request through its dozen
 * middlewares takes longer than the rest of a small answer.
 */
export const SECURITY_HEADERS: readonly (readonly [name: string, value: string])[] = askHelmet();

export function setSecurityHeaders(response: ServerResponse): void {
  for (const [name, value] of SECURITY_HEADERS) response.setHeader(name, value);
}

function askHelmet(): [string, string][] {
  const headers = new Map<string, string>();
  const collector = {
    setHeader: (name: string, value: string) => headers.set(name, value),
    removeHeader: () => {},
  };
  const secure = helmet({
    strictTransportSecurity: false,
    contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } },
  });
  secure({} as IncomingMessage, collector as unknown as ServerResponse, (failure) => {
    if (failure) throw failure;
  });
  return [...headers];
}

/** Headers that browsers heed, and time limits for slow senders. TLS, and with it HSTS, is the proxy's business. */
export function harden(app: NestExpressApplication): void {
  app.use((_request: IncomingMessage, response: ServerResponse, next: () => void) => {
    setSecurityHeaders(response);
    next();
  });
  // Nobody revalidates what the API answers; hashing each answer is a third of what a small one costs.
  app.set('etag', false);
  // An option of `createServer` that is read when the server begins to listen; the types know it only there.
  const server = app.getHttpServer() as Server & { connectionsCheckingInterval: number };
  server.connectionsCheckingInterval = CHECK_EVERY_MS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
}
