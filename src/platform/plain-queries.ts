import type { IncomingMessage } from 'node:http';

/** What stock clients ask for: names and values in which nothing is escaped, and no name of an object's own. */
const PLAIN_QUERY = /^[^?#]*\?([A-Za-z0-9]+=[\w.-]*(?:&[A-Za-z0-9]+=[\w.-]*)*)$/;

/** Where Engine.IO looks for a query that somebody has read already. */
interface Request extends IncomingMessage {
  _query?: Record<string, string>;
}

/** What Engine.IO makes of requests; its documentation shows how to call these, and `attach` does. */
interface RequestHandlers {
  handleRequest(request: IncomingMessage, ...rest: unknown[]): void;
  handleUpgrade(request: IncomingMessage, ...rest: unknown[]): void;
}

/**
 * Reads the query of a plain request without taking a whole URL apart, which costs more than all that the gateway itself
 * does to let a connection in; one that begins by polling asks four times. Any other is left to Engine.IO.
 */
export function readPlainQueries(engine: RequestHandlers): void {
  for (const name of ['handleRequest', 'handleUpgrade'] as const) {
    const handle = engine[name].bind(engine);
    engine[name] = (request: Request, ...rest) => {
      request._query ??= plainQuery(request.url ?? '');
      handle(request, ...rest);
    };
  }
}

/** URLs that ask for a connection and say nothing of the client: nearly all that begin with WebSocket send one of a few. */
const MAX_REMEMBERED = 100;
const MAX_REMEMBERED_LENGTH = 100;
const OWN_PARAMETERS = ['EIO', 'transport'];
const remembered = new Map<string, Readonly<Record<string, string>>>();

/** As a URL parser reads it; `undefined` where that has more to do. One of its own each time: an app may write to it. */
function plainQuery(url: string): Record<string, string> | undefined {
  const known = remembered.get(url);
  if (known) return { ...known };
  const query = readQuery(url);
  if (query && url.length <= MAX_REMEMBERED_LENGTH && saysNothingMore(query)) {
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(url, { ...query });
  }
  return query;
}

const saysNothingMore = (query: object): boolean =>
  Object.keys(query).length === OWN_PARAMETERS.length &&
  OWN_PARAMETERS.every((name) => Object.hasOwn(query, name));

function readQuery(url: string): Record<string, string> | undefined {
  const text = PLAIN_QUERY.exec(url)?.[1];
  if (text === undefined) return undefined;
  const query: Record<string, string> = {};
  for (let start = 0; start < text.length;) {
    const middle = text.indexOf('=', start);
    const end = text.indexOf('&', middle);
    query[text.slice(start, middle)] = end === -1 ? text.slice(middle + 1) : text.slice(middle + 1, end);
    start = end === -1 ? text.length : end + 1;
  }
  return query;
}
