import type { NestExpressApplication } from '@nestjs/platform-express';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { NodeIdentity } from '../engine/node-identity.js';
import { Metrics } from '../telemetry/metrics.js';
import { Namespaces } from '../sockets/namespaces.js';
import type { FromWorker, ToWorker } from './messages.js';
import { markSession } from './session-slot.js';

/** At most this often the primary is told how many sessions there are. */
const TELL_EVERY_MS = 100;
/** And at least so often. */
const TELL_AT_LEAST_EVERY_MS = 500;

/**
 * Takes connections from the primary instead of listening for them. Resolves when it can.
 *
 * @param started called when it does, and drains from then on when it is told to end
 */
export async function serveAsWorker(
  app: NestExpressApplication,
  slot: number,
  started: () => void,
): Promise<void> {
  await app.init();
  const { engine } = app.get(Namespaces).all[0]!.nsp.server as unknown as { engine: Sessions };
  markSessions(engine, slot);
  tellSessions(engine);
  const server = app.getHttpServer() as Server;
  leadBackToSession(server);
  const restarts = countRestarts(app);
  // What Node's server does once it listens, and this one never will: from here on it cuts off slow senders.
  server.emit('listening');
  process.on('message', (message: ToWorker, connection: unknown) => {
    if (message.type === 'restarts') restarts.count = message.count;
    // Without one, the client has gone while it was on its way here.
    else if (connection instanceof Socket) take(server, connection, message.head);
  });
  // Without the primary nobody can reach this worker. The signal is what drains it.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  started();
  tell({ type: 'ready' });
}

function take(server: Server, connection: Socket, head: string): void {
  connection.allowHalfOpen = true;
  server.emit('connection', connection);
  // What the primary has read of it comes first; nothing else can have been read in this turn.
  connection.emit('data', Buffer.from(head, 'base64'));
}

/** What is used of Engine.IO's server. */
interface Sessions {
  readonly clientsCount: number;
  generateId(request: IncomingMessage): string;
  on(
    event: 'connection',
    listener: (session: { once(event: 'close', listener: () => void): void }) => void,
  ): void;
}

function markSessions(engine: Sessions, slot: number): void {
  const generateId = engine.generateId.bind(engine);
  engine.generateId = (request) => markSession(generateId(request), slot);
}

function tellSessions(engine: Sessions): void {
  let timer: NodeJS.Timeout | undefined;
  const tellNow = (): void => tell({ type: 'sessions', count: engine.clientsCount });
  const changed = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      tellNow();
    }, TELL_EVERY_MS).unref();
  };
  setInterval(tellNow, TELL_AT_LEAST_EVERY_MS).unref();
  engine.on('connection', (session) => {
    changed();
    session.once('close', changed);
  });
}

/**
 * A connection stays with its worker, but browsers use one for several sessions, and those may be on several workers. So
 * every answer is the last on its connection, except those to backends: any worker can answer them.
 */
function leadBackToSession(server: Server): void {
  server.prependListener('request', ({ url = '', headers }: IncomingMessage, response: ServerResponse) => {
    const isBackend =
      url.startsWith('/v1/') && headers.origin === undefined && headers['sec-fetch-mode'] === undefined;
    if (!isBackend) response.setHeader('Connection', 'close');
  });
}

/** All workers answer at one address: what tells them apart, and what happened to others. */
function countRestarts(app: NestExpressApplication): { count: number } {
  const restarts = { count: 0 };
  const metrics = app.get(Metrics);
  metrics.counter('worker_restarts_total', 'Workers that died and were started anew', () => restarts.count);
  metrics.label({ node: app.get(NodeIdentity).id });
  return restarts;
}

function tell(message: FromWorker): void {
  // When the primary has gone, the worker is on its way out too.
  if (process.connected) process.send!(message, undefined, {}, () => {});
}
