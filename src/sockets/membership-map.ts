import type { SocketId } from 'socket.io-adapter';
import type { RoomMembers } from './room-members.js';
import { SmallSet } from './small-set.js';

/** What is kept for a room or for a socket: a set as small as it can be. */
export type Members = SmallSet | RoomMembers | Set<SocketId>;

/**
 * A map of Socket.IO's, `rooms` or `sids`, whose sets are small as long as no app looks at them.
 *
 * Nearly all of these sets hold one element and are never seen. Who asks the map for one, as `socket.rooms` does, gets
 * a `Set` of JavaScript's own, which stands for it from then on; the gateway itself looks with {@link peek}.
 */
export class MembershipMap<Key> extends Map<Key, Set<SocketId>> {
  /** The set as it is kept. */
  peek(key: Key): Members | undefined {
    return super.get(key);
  }

  /** Keeps a set, of whatever kind it is. */
  put(key: Key, members: Members): void {
    super.set(key, members as Set<SocketId>);
  }

  /** Every set as it is kept. */
  peekAll(): MapIterator<[Key, Members]> {
    return super.entries();
  }

  override get(key: Key): Set<SocketId> | undefined {
    const members = super.get(key) as Members | undefined;
    return members && this.shown(key, members);
  }

  override forEach(
    visit: (value: Set<SocketId>, key: Key, map: Map<Key, Set<SocketId>>) => void,
    thisArg?: unknown,
  ): void {
    for (const [key, members] of this.entries()) visit.call(thisArg, members, key, this);
  }

  override *entries(): MapIterator<[Key, Set<SocketId>]> {
    for (const [key, members] of super.entries()) yield [key, this.shown(key, members)];
  }

  override *values(): MapIterator<Set<SocketId>> {
    for (const [, members] of this.entries()) yield members;
  }

  override [Symbol.iterator](): MapIterator<[Key, Set<SocketId>]> {
    return this.entries();
  }

  private shown(key: Key, members: Members): Set<SocketId> {
    if (members instanceof Set) return members;
    if (!(members instanceof SmallSet)) return members.shown;
    const set = new Set(members) as Set<SocketId>;
    super.set(key, set);
    return set;
  }
}
