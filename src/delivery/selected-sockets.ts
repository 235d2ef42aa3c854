import type { MembershipAdapter } from '../sockets/membership.adapter.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import type { Excepted, RoomSelection } from './targets.js';

/** Visits every socket of a namespace that a selection has, once. [D1] */
export function visitSelected(
  adapter: MembershipAdapter,
  selection: RoomSelection,
  visit: (socket: GatewaySocket) => void,
): void {
  const { sockets } = adapter.nsp;
  const except = exceptedIn(adapter, selection.except);
  if (selection.rooms === undefined) {
    for (const [socketId, socket] of sockets) {
      if (!except?.has(socketId)) visit(socket);
    }
    return;
  }
  // One room cannot hold a socket twice, so only a union needs to remember whom it has served.
  const served = selection.rooms.size > 1 ? new Set<string>() : undefined;
  for (const room of selection.rooms) {
    const members = selection.sockets?.has(room) ? [room] : (adapter.membersNamed(room) ?? []);
    for (const socketId of members) {
      if (except?.has(socketId) || served?.has(socketId)) continue;
      const socket = sockets.get(socketId);
      if (!socket) continue;
      served?.add(socketId);
      visit(socket);
    }
  }
}

function exceptedIn(
  adapter: MembershipAdapter,
  { rooms, sockets }: Excepted,
): ReadonlySet<string> | undefined {
  if (rooms.size === 0) return sockets.size === 0 ? undefined : sockets;
  const socketIds = new Set(sockets);
  for (const room of rooms) {
    for (const socketId of adapter.membersNamed(room) ?? []) socketIds.add(socketId);
  }
  return socketIds;
}
