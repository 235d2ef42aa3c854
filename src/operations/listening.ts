import type { AddressInfo, Server } from 'node:net';

/** Where a server listens, as it is: one that listens on every address of the machine says so. */
export function listeningUrl(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
