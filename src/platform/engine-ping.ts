/** Engine.IO pings on its own schedule; asking out of turn is private. */
interface PingingConnection {
  readonly protocol: number;
  readonly readyState: string;
  readonly pingTimeoutTimer?: unknown;
  sendPacket?(type: 'ping'): void;
}

const ENGINE_PROTOCOL_OF_V2 = 3;

/**
 * Sends a ping now, unless one is on its way; its answer is a `heartbeat` of the connection as any other.
 *
 * @returns false where the server cannot ask: 2.x clients ping by themselves
 */
export function pingNow(connection: unknown): boolean {
  const pinging = connection as PingingConnection;
  if (pinging.protocol === ENGINE_PROTOCOL_OF_V2 || pinging.readyState !== 'open') return false;
  if (typeof pinging.sendPacket !== 'function') return false;
  if (!pinging.pingTimeoutTimer) pinging.sendPacket('ping');
  return true;
}
