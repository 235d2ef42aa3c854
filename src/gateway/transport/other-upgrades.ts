/**
 * Plain HTTP requests that offer to go on in another protocol than WebSocket are answered as plain HTTP requests.
 *
 * As soon as anybody listens for upgrades, Node.js hands over every request that has an `Upgrade` header, and answers
 * none of them. Engine.IO takes those that are for it and lets the others hang for a second, then closes. Among these
 * others are the requests of backends: Java's HttpClient offers HTTP/2 (`h2c`) by default, as `curl --http2` does. A
 * server is free to ignore the offer (RFC 9110, 7.8).
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Headers that belong to the offer. */
const OFFER = new Set(['upgrade', 'http2-settings']);

const ours = new WeakSet<UpgradeListener>();
const askedAgain = new WeakSet<IncomingMessage>();

/**
 * Puts itself in front of the listener that `attach` adds to the server.
 *
 * An app that listens for upgrades too is left alone with all of them: it may speak what is offered.
 */
export function ignoreOtherUpgrades<Attached>(server: Server | undefined, attach: () => Attached): Attached {
  if (!server) return attach();
  const before = new Set(upgradeListeners(server));
  const attached = attach();
  for (const listener of upgradeListeners(server)) {
    if (before.has(listener)) continue;
    const inFront: UpgradeListener = (request, socket, head) => {
      if (isForWebSocket(request) || upgradeListeners(server).some((other) => !ours.has(other))) {
        listener.call(server, request, socket, head);
      } else if (isCut(server, request)) {
        refuseCut(socket);
      } else if (!askedAgain.has(request)) {
        askedAgain.add(request);
        askAgain(server, request, socket, head);
      }
    };
    ours.add(inFront);
    server.off('upgrade', listener);
    server.on('upgrade', inFront);
  }
  return attached;
}

const upgradeListeners = (server: Server): UpgradeListener[] =>
  server.listeners('upgrade') as UpgradeListener[];

const isForWebSocket = ({ headers }: IncomingMessage): boolean =>
  headers.upgrade?.toLowerCase() === 'websocket';

/** Names and values of headers that Node.js keeps where nothing else is set; the rest is left out without a word. */
const DEFAULT_MAX_HEADER_TEXTS = 2_000;

/**
 * Whether headers may be missing. One of these may be the length of the body, which would be taken for a second request
 * when the first is put together again.
 */
function isCut({ maxHeadersCount }: Server, { rawHeaders }: IncomingMessage): boolean {
  const max = typeof maxHeadersCount === 'number' ? maxHeadersCount * 2 : DEFAULT_MAX_HEADER_TEXTS;
  return max > 0 && rawHeaders.length >= max;
}

const TOO_MANY_HEADERS =
  'HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** What the peer sends on is thrown away: nobody knows where the request ends. */
function refuseCut(socket: Duplex): void {
  // Node.js has let go of the connection, and a peer that resets it would be nobody's error.
  socket.on('error', () => {});
  socket.resume();
  socket.end(TOO_MANY_HEADERS, () => setImmediate(() => socket.destroy()));
}

/** Node.js has let go of the connection: it gets it as a new one, beginning with the same request without the offer. */
function askAgain(server: Server, request: IncomingMessage, socket: Duplex, body: Buffer): void {
  socket.unshift(Buffer.concat([Buffer.from(withoutOffer(request), 'latin1'), body]));
  const event = 'encrypted' in socket ? 'secureConnection' : 'connection';
  // Not before Node.js has done with the hand-over, and before anything else can happen on the connection.
  process.nextTick(() => server.emit(event, socket));
}

function withoutOffer({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    const value = rawHeaders[index + 1]!;
    if (OFFER.has(name.toLowerCase())) continue;
    if (name.toLowerCase() !== 'connection') {
      lines.push(`${name}: ${value}`);
      continue;
    }
    const options = value.split(',').filter((option) => !OFFER.has(option.trim().toLowerCase()));
    if (options.length > 0) lines.push(`${name}: ${options.join(',')}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}
