import type { Namespace, Socket } from 'socket.io';

/** What is private in Socket.IO of a namespace and of the server that has it. */
interface NamespaceInternals {
  readonly sockets: ReadonlyMap<string, Socket>;
  /** Sockets that are still in the handshake. */
  readonly _preConnectSockets?: ReadonlyMap<string, Socket>;
  /** Numbers the requests for acknowledgements. */
  _ids: number;
  _onServerSideEmit(args: readonly unknown[]): void;
  readonly server: {
    readonly _nsps?: Map<string, Namespace>;
    /** Namespaces that stand for a pattern. */
    readonly parentNsps?: ReadonlyMap<unknown, Namespace>;
  };
  _remove?: (socket: Socket) => void;
}

const inside = (namespace: Namespace): NamespaceInternals => namespace as unknown as NamespaceInternals;

/** A number for a packet that asks for acknowledgements; no other packet of the namespace has it. */
export const nextPacketNumber = (namespace: Namespace): number => inside(namespace)._ids++;

/** A socket that is connected, or still in the handshake. */
export function anySocketOf(namespace: Namespace, socketId: string): Socket | undefined {
  const { sockets, _preConnectSockets: entering } = inside(namespace);
  return sockets.get(socketId) ?? entering?.get(socketId);
}

/** Tells an app's listeners on the namespace of a `serverSideEmit()`. */
export const hearServerSideEmit = (namespace: Namespace, args: readonly unknown[]): void =>
  inside(namespace)._onServerSideEmit(args);

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
  const internals = inside(child);
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
