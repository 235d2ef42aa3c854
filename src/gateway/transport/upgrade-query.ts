import type { IncomingMessage } from 'node:http';

/** What nearly every WebSocket client asks for, with nothing of an app's in it. */
const PLAIN_UPGRADE = /^[^?#]*\?EIO=([34])&transport=websocket$/;

/** Where Engine.IO looks for a query that somebody has read already. */
interface Request extends IncomingMessage {
  _query?: Record<string, string>;
}

/** What Engine.IO makes of upgrade requests; its documentation shows how to call it, and `attach` does. */
interface UpgradeHandler {
  handleUpgrade(request: IncomingMessage, ...rest: unknown[]): void;
}

/**
 * Reads the query of a plain upgrade request without taking a whole URL apart, which costs more than all that the
 * gateway itself does to let a connection in. Any other is left to Engine.IO.
 */
export function readPlainQueries(engine: UpgradeHandler): void {
  const handle = engine.handleUpgrade.bind(engine);
  engine.handleUpgrade = (request: Request, ...rest) => {
    const version = PLAIN_UPGRADE.exec(request.url ?? '')?.[1];
    if (version !== undefined) request._query ??= { EIO: version, transport: 'websocket' };
    handle(request, ...rest);
  };
}
