import type { SocketEntry } from '../../src/protocol/entries.js';

/** The entry of a socket that exists only in lists. */
export const socketEntry = (
  named: Pick<SocketEntry, 'socketId' | 'user' | 'node'> & Partial<SocketEntry>,
): SocketEntry => ({
  namespace: '/',
  transport: 'websocket',
  protocol: 4,
  address: '127.0.0.1',
  userAgent: 'test',
  connectedAt: new Date(0).toISOString(),
  rooms: [],
  info: null,
  ...named,
});
