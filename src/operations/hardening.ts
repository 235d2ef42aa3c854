import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import type { Server } from 'node:http';

/** A client that has not sent its headers by then is not going to. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the idle time-out of common load balancers, so that they never use a connection that is closing. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

/** Headers that browsers heed, and time limits for slow senders. TLS, and with it HSTS, is the proxy's business. */
export function harden(app: NestExpressApplication): void {
  app.use(
    helmet({
      strictTransportSecurity: false,
      contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } },
    }),
  );
  // Nobody revalidates what the API answers; hashing each answer is a third of what a small one costs.
  app.set('etag', false);
  const server = app.getHttpServer() as Server;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
}
