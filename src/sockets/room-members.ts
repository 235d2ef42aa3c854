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
 * The members of one room: the set of socket IDs that Socket.IO keeps per room, which also knows its users.
 *
 * It stands in Socket.IO's own room map, so membership is stored once and cannot drift; counts and pages come from
 * here without looking at the other members. [R1] [M5]
 */
export class RoomMembers {
  private readonly members = new Map<string, MemberSocket>();
  private readonly users = new Map<string, MemberUser>();
  private readonly socketLog = new OrderedLog<MemberSocket>();
  private readonly userLog = new OrderedLog<MemberUser>();
  /** The same sockets in a `Set` of JavaScript's own, once an app has looked at the room. */
  private seen: Set<string> | undefined = undefined;

  constructor(
    readonly room: string,
    /** Finds the user of a socket that joins. */
    private readonly userOf: (socketId: string) => string,
  ) {}

  get size(): number {
    return this.members.size;
  }

  /** What an app gets that looks at the room: a `Set`, which goes on changing as the room does. */
  get shown(): Set<string> {
    return (this.seen ??= new Set(this.members.keys()));
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
    this.seen?.add(socketId);
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
    this.seen?.delete(socketId);
    this.socketLog.remove(member);
    const user = this.users.get(member.user)!;
    if (--user.sockets === 0) {
      this.users.delete(member.user);
      this.userLog.remove(user);
    }
    return true;
  }

  /** Socket IDs that joined after this place. */
  socketsAfter(order: number): Iterable<MemberSocket> {
    return this.socketLog.after(order);
  }

  /** Users whose first socket joined after this place. */
  usersAfter(order: number): Iterable<MemberUser> {
    return this.userLog.after(order);
  }

  [Symbol.iterator](): IterableIterator<string> {
    return this.members.keys();
  }
}
