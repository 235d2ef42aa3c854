/** What Socket.IO calls the ways in which a connection can end without anybody having meant it. */
const BROKEN: ReadonlySet<string> = new Set([
  'transport error',
  'transport close',
  'ping timeout',
  'parse error',
  'forced close',
  'forced server close',
  'server shutting down',
]);

/**
 * Whether a client whose socket ended like this comes back by itself, and so may find its session and is not yet gone
 * for those who watch its rooms. [H4] [M4]
 *
 * A gateway that ends a socket and lets it come back closes the transport; one that does not disconnects it. [L7]
 */
export const comesBack = (reason: string): boolean => BROKEN.has(reason);
