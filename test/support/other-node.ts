import type { TestClient } from 'switchboard-gateway/testing';

/** The next connection of a client goes to another node, as a load balancer would have it. */
export function leadTo(node: { readonly url: string }, ...clients: readonly TestClient[]): void {
  for (const client of clients) (client.socket.io as unknown as { uri: string }).uri = node.url;
}
