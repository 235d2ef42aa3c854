/** Which clients a test is run with: every version that is named, by each transport. */
import type { ClientTransport, ClientVersion } from 'switchboard-gateway/testing';

/** How a client connects; spread it into the options of a client. */
export interface How {
  readonly version: ClientVersion;
  readonly transport: ClientTransport;
}

/** By both transports; an upgrade starts as one and ends as the other. */
export const clientsOf = (
  versions: readonly ClientVersion[],
  transports: readonly ClientTransport[] = ['polling', 'websocket'],
): How[] => versions.flatMap((version) => transports.map((transport) => ({ version, transport })));

/** Comes back by itself, as stock clients do, only faster. */
export const EAGER = {
  reconnection: true,
  reconnectionDelay: 1,
  reconnectionDelayMax: 1,
  randomizationFactor: 0,
} as const;
