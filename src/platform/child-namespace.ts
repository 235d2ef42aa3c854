import type { Namespace, Socket } from 'socket.io';

/** What is private in Socket.IO of a namespace and of the server that has it. */
interface NamespaceInternals {
  readonly sockets: ReadonlyMap<string, unknown>;
  readonly _preConnectSockets?: ReadonlyMap<string, unknown>;
  readonly server: {
    readonly _nsps?: Map<string, Namespace>;
    /** Namespaces that stand for a pattern. */
    readonly parentNsps?: ReadonlyMap<unknown, Namespace>;
  };
  _remove?: (socket: Socket) => void;
}

/** The namespaces that were made on demand for a pattern; `undefined` for one that is no pattern. */
export const childrenOf = (namespace: Namespace): Set<Namespace> | undefined =>
  (namespace as Namespace & { children?: Set<Namespace> }).children;

/**
 * Has a namespace end with its last socket, if it was made for a pattern.
 *
 * Clients choose the names, so a gateway that kept them all could be filled. Socket.IO's own option for it forgets those
 * that are on their way in. A socket that gets in all the same, in the moment between, has its adapter enter the
 * registry again.
 */
export function endWhenEmpty(child: Namespace): void {
  const internals = child as unknown as NamespaceInternals;
  const { _remove: remove, server } = internals;
  const parents = [...(server.parentNsps?.values() ?? [])];
  const siblings = parents.map(childrenOf).find((children) => children?.has(child));
  if (!siblings || typeof remove !== 'function' || !server._nsps) return;
  internals._remove = (socket) => {
    remove.call(child, socket);
    if (internals.sockets.size > 0 || (internals._preConnectSockets?.size ?? 0) > 0) return;
    child.adapter.close();
    if (server._nsps?.get(child.name) === child) server._nsps.delete(child.name);
    siblings.delete(child);
  };
}
