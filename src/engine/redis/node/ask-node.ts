import { Redis } from 'ioredis';
import type { HostAndPort, Login } from '../../../config/redis-address.js';

/** A node that takes longer to answer than requests may take is of no use. */
const ASK_WITHIN_MS = 1_000;

/**
 * Asks a node or a Sentinel something over a connection of its own.
 *
 * @throws why it could not be asked, or what it refused with
 */
export async function askNode<T>(
  at: HostAndPort & { readonly login: Login; readonly tls: boolean },
  signal: AbortSignal,
  ask: (client: Redis) => Promise<T>,
): Promise<T> {
  const { host, port, login, tls } = at;
  const client = new Redis({
    host,
    port,
    ...login,
    ...(tls ? { tls: {} } : {}),
    lazyConnect: true,
    enableReadyCheck: false,
    disableClientInfo: true,
    retryStrategy: () => null,
    connectTimeout: ASK_WITHIN_MS,
    commandTimeout: ASK_WITHIN_MS,
  });
  let cause: unknown;
  client.on('error', (failure: unknown) => (cause ??= failure));
  const stop = (): void => client.disconnect();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await client.connect();
    return await ask(client);
  } catch (failure) {
    // That the connection is closed says less than why.
    throw cause ?? failure;
  } finally {
    signal.removeEventListener('abort', stop);
    if (client.status !== 'end') client.disconnect();
  }
}

/** Each where it first stands. */
export const unique = (nodes: readonly HostAndPort[]): HostAndPort[] => [
  ...new Map(nodes.map((node) => [`${node.host} ${node.port}`, node])).values(),
];
