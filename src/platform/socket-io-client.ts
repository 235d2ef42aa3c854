/** What is private in Socket.IO about a connection and its sockets: there are no settings for it. */

interface ClientInternals {
  connectTimeout?: NodeJS.Timeout | undefined;
}

/**
 * Has a connection go on without a socket for longer than Socket.IO's `connectTimeout`, which holds for all alike.
 * The caller sees to it that it ends.
 */
export function mayStayWithoutSocket(socket: { readonly client: unknown }): void {
  const client = socket.client as ClientInternals;
  clearTimeout(client.connectTimeout);
  client.connectTimeout = undefined;
}
