import { Injectable } from '@nestjs/common';
import type { MembershipAdapter, NamespaceList } from './membership.adapter.js';
import type { GatewaySocket } from './socket-state.js';

/**
 * The Socket.IO namespaces of this process, in the order of their creation.
 *
 * The gateway's own is `/`; an embedding app's gateways may add more, and those join here by themselves because
 * every namespace makes its adapter. The folders above, which make them with more than memberships, name the kind.
 */
@Injectable()
export class Namespaces<A extends MembershipAdapter = MembershipAdapter> implements NamespaceList {
  private adapters: readonly A[] = [];
  private lastNumber = 0;

  /** Returns the number of the new namespace. */
  add(adapter: A): number {
    this.adapters = [...this.adapters, adapter];
    return ++this.lastNumber;
  }

  remove(adapter: A): void {
    this.adapters = this.adapters.filter((each) => each !== adapter);
  }

  get all(): readonly A[] {
    return this.adapters;
  }

  /** The one of a name; all where none is given. */
  of(name: string | undefined): readonly A[] {
    return name === undefined ? this.adapters : this.adapters.filter(({ nsp }) => nsp.name === name);
  }

  /** A connected socket of any namespace. */
  findSocket(socketId: string): GatewaySocket | undefined {
    for (const adapter of this.adapters) {
      const socket = adapter.nsp.sockets.get(socketId);
      if (socket) return socket;
    }
    return undefined;
  }

  /** Whether a room of this name is a socket's own. */
  isSocketId(name: string): boolean {
    return this.adapters.some((adapter) => adapter.sids.has(name));
  }

  /** Every connected socket. */
  *allSockets(): Generator<GatewaySocket> {
    for (const adapter of this.adapters) {
      for (const socket of adapter.nsp.sockets.values()) yield socket;
    }
  }

  /** The connected sockets of a user, over all namespaces. */
  *socketsOfUser(user: string): Generator<GatewaySocket> {
    for (const adapter of this.adapters) {
      const sockets = adapter.socketsOf(user);
      if (!sockets) continue;
      for (const socketId of sockets) {
        const socket = adapter.nsp.sockets.get(socketId);
        if (socket) yield socket;
      }
    }
  }
}
