import type { WebhookEvent } from '../../config/webhook-rules.js';
import type { SocketEntry } from '../../protocol/entries.js';
import { isListedRoom } from '../../protocol/names.js';
import {
  fitsPattern,
  keyOfRoom,
  keyOfUser,
  NOT_LET_IN,
  type OutboxEvent,
  type RegistryFollower,
  type WantedEvents,
} from '../outbox.js';
import type { Deadline, Deadlines } from '../../timers/deadlines.js';

const ROOM_EVENTS = ['room.occupied', 'room.vacated', 'room.member_joined', 'room.member_left'] as const;

/** A socket as far as events tell of it. */
interface FollowedSocket {
  readonly user: string;
  readonly node: string;
  readonly info: SocketEntry['info'];
  /** The socket's rooms that are followed; most sockets are in none. */
  rooms: Set<string> | undefined;
  /** Until when its user was held before it came. */
  readonly heldUntil: number | undefined;
}

/** A user that is held for its return. */
interface HeldUser {
  readonly until: number;
  readonly deadline: Deadline;
}

/** The users in a room: users with how many sockets, and users that are held for their return. */
interface FollowedRoom {
  readonly present: Map<string, number>;
  readonly held: Map<string, Deadline>;
}

/** Writes an event of a key. */
export type WriteEvent = (type: WebhookEvent, key: string, data: OutboxEvent['data']) => void;

/**
 * What sockets, users and rooms do, as events: the same that the scripts of Redis write, from the same changes. [W2] [W4]
 *
 * It keeps who is where a second time, and only where somebody wants events.
 */
export class FollowedRegistry implements RegistryFollower {
  private readonly sockets = new Map<string, FollowedSocket>();
  private readonly socketsOf = new Map<string, number>();
  private readonly heldUsers = new Map<string, HeldUser>();
  private readonly rooms = new Map<string, FollowedRoom>();
  private readonly roomPatterns: readonly string[];
  /** Events of sockets are put together only where an endpoint asks for them: nobody else is told. */
  private readonly tellsIn: boolean;
  private readonly tellsOut: boolean;

  constructor(
    { events }: WantedEvents,
    private readonly deadlines: Deadlines,
    private readonly holdMs: number,
    private readonly write: WriteEvent,
  ) {
    this.roomPatterns = ROOM_EVENTS.flatMap((event) => events[event] ?? []);
    this.tellsIn = events['socket.connected'] !== undefined;
    this.tellsOut = events['socket.disconnected'] !== undefined;
  }

  entered(socket: SocketEntry): void {
    const { socketId, user, node, namespace, info } = socket;
    if (this.sockets.has(socketId)) this.left(socketId, true, 'taken over');
    const sockets = (this.socketsOf.get(user) ?? 0) + 1;
    this.socketsOf.set(user, sockets);
    const held = this.heldUsers.get(user);
    this.sockets.set(socketId, { user, node, info, rooms: undefined, heldUntil: held?.until });
    if (held !== undefined) {
      this.deadlines.cancel(held.deadline);
      this.heldUsers.delete(user);
    } else if (sockets === 1) {
      this.write('user.online', keyOfUser(user), { user, socketId, node, info });
    }
    if (!this.tellsIn) return;
    const data = { user, socketId, node, namespace, sockets, info };
    this.write('socket.connected', keyOfUser(user), data);
  }

  left(socketId: string, comesBack: boolean, reason: string): void {
    const socket = this.sockets.get(socketId);
    if (socket === undefined) return;
    const { user, node, rooms } = socket;
    const isHeld = comesBack && this.holdMs > 0;
    this.sockets.delete(socketId);
    if (rooms !== undefined) for (const room of rooms) this.out(room, user, isHeld);
    const sockets = this.socketsOf.get(user)! - 1;
    if (sockets > 0) this.socketsOf.set(user, sockets);
    else this.socketsOf.delete(user);
    if (this.tellsOut) {
      this.write('socket.disconnected', keyOfUser(user), { user, socketId, node, reason, sockets });
    }
    if (sockets > 0) return;
    if (reason === NOT_LET_IN && socket.heldUntil !== undefined) this.holdUser(user, socket.heldUntil);
    else if (isHeld) this.holdUser(user, this.deadlines.now() + this.holdMs);
    else {
      this.write('user.offline', keyOfUser(user), { user, reason: comesBack ? 'lost' : 'left', sockets: 0 });
    }
  }

  joined(socketId: string, room: string): void {
    const socket = this.sockets.get(socketId);
    if (socket === undefined || socket.rooms?.has(room) || !this.isFollowed(room)) return;
    (socket.rooms ??= new Set()).add(room);
    const { user, info } = socket;
    const followed = this.rooms.get(room) ?? { present: new Map(), held: new Map() };
    this.rooms.set(room, followed);
    const { present, held } = followed;
    const sockets = present.get(user) ?? 0;
    const isOccupied = present.size + held.size > 0;
    present.set(user, sockets + 1);
    if (sockets > 0) return;
    const deadline = held.get(user);
    if (deadline !== undefined) {
      this.deadlines.cancel(deadline);
      held.delete(user);
      return;
    }
    if (!isOccupied) this.write('room.occupied', keyOfRoom(room), { room });
    this.write('room.member_joined', keyOfRoom(room), { room, user, info });
  }

  parted(socketId: string, room: string): void {
    const socket = this.sockets.get(socketId);
    if (socket?.rooms?.delete(room)) this.out(room, socket.user, false);
  }

  private isFollowed(room: string): boolean {
    return isListedRoom(room) && fitsPattern(this.roomPatterns, room);
  }

  private out(room: string, user: string, isHeld: boolean): void {
    const followed = this.rooms.get(room)!;
    const { present, held } = followed;
    const sockets = present.get(user)! - 1;
    if (sockets > 0) {
      present.set(user, sockets);
      return;
    }
    present.delete(user);
    if (isHeld) {
      const deadline = this.hold(() => {
        held.delete(user);
        this.memberLeft(room, user, followed, 'lost');
      });
      held.set(user, deadline);
    } else {
      this.memberLeft(room, user, followed, 'left');
    }
  }

  private memberLeft(room: string, user: string, { present, held }: FollowedRoom, reason: string): void {
    this.write('room.member_left', keyOfRoom(room), { room, user, reason });
    if (present.size + held.size > 0) return;
    this.rooms.delete(room);
    this.write('room.vacated', keyOfRoom(room), { room });
  }

  private holdUser(user: string, until: number): void {
    const deadline = this.deadlines.at(until, () => {
      this.heldUsers.delete(user);
      this.write('user.offline', keyOfUser(user), { user, reason: 'lost', sockets: 0 });
    });
    this.heldUsers.set(user, { until, deadline });
  }

  private hold(over: () => void): Deadline {
    return this.deadlines.at(this.deadlines.now() + this.holdMs, over);
  }
}
