import { OrderedLog, type Ordered } from './ordered-log.js';

/** A socket in a room, in the order of joining. */
interface MemberSocket extends Ordered {
  readonly socketId: string;
  readonly user: string;
}

/** A user in a room, in the order in which its first socket joined. */
export interface MemberUser extends Ordered {
  readonly user: string;
  sockets: number;
}

/**
 * The members of one room: the `Set` of socket IDs that Socket.IO keeps per room, which also knows its users.
 *
 * It stands in Socket.IO's own room map, so membership is stored once and cannot drift; counts and pages come from
 * here without looking at the other members. [R1] [M5]
 */
export class RoomMembers implements Set<string> {
  private readonly members = new Map<string, MemberSocket>();
  private readonly users = new Map<string, MemberUser>();
  private readonly socketLog = new OrderedLog<MemberSocket>();
  private readonly userLog = new OrderedLog<MemberUser>();

  constructor(
    readonly room: string,
    /** Finds the user of a socket that joins. */
    private readonly userOf: (socketId: string) => string,
  ) {}

  get size(): number {
    return this.members.size;
  }

  get userCount(): number {
    return this.users.size;
  }

  has(socketId: string): boolean {
    return this.members.has(socketId);
  }

  hasUser(user: string): boolean {
    return this.users.has(user);
  }

  /** How many sockets of this user are in the room. */
  socketsOf(user: string): number {
    return this.users.get(user)?.sockets ?? 0;
  }

  add(socketId: string): this {
    if (this.members.has(socketId)) return this;
    const member: MemberSocket = { socketId, user: this.userOf(socketId), order: 0, gone: false };
    this.members.set(socketId, member);
    this.socketLog.add(member);
    const present = this.users.get(member.user);
    if (present) {
      present.sockets++;
    } else {
      const user: MemberUser = { user: member.user, sockets: 1, order: 0, gone: false };
      this.users.set(user.user, user);
      this.userLog.add(user);
    }
    return this;
  }

  delete(socketId: string): boolean {
    const member = this.members.get(socketId);
    if (!member) return false;
    this.members.delete(socketId);
    this.socketLog.remove(member);
    const user = this.users.get(member.user)!;
    if (--user.sockets === 0) {
      this.users.delete(member.user);
      this.userLog.remove(user);
    }
    return true;
  }

  clear(): void {
    for (const socketId of this.members.keys()) this.delete(socketId);
  }

  /** Socket IDs that joined after this place. */
  socketsAfter(order: number): Iterable<MemberSocket> {
    return this.socketLog.after(order);
  }

  /** Users whose first socket joined after this place. */
  usersAfter(order: number): Iterable<MemberUser> {
    return this.userLog.after(order);
  }

  forEach(visit: (value: string, key: string, set: Set<string>) => void, thisArg?: unknown): void {
    for (const socketId of this.members.keys()) visit.call(thisArg, socketId, socketId, this);
  }

  values(): SetIterator<string> {
    return this.members.keys();
  }

  keys(): SetIterator<string> {
    return this.members.keys();
  }

  *entries(): SetIterator<[string, string]> {
    for (const socketId of this.members.keys()) yield [socketId, socketId];
  }

  [Symbol.iterator](): SetIterator<string> {
    return this.members.keys();
  }

  get [Symbol.toStringTag](): string {
    return 'RoomMembers';
  }
}
