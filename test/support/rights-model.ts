/** What the rules of access say a client may do, read as plainly as they are written. [A2] [A3] [M3] */
import { SwitchboardError } from '../../src/protocol/errors.js';

export const ACTIONS = ['join', 'emit', 'presence', 'history'] as const;
export type Action = (typeof ACTIONS)[number];

export interface Cap {
  readonly room: string;
  readonly allow: readonly Action[];
}

export interface RoomToken extends Cap {
  readonly sub: string;
}

export interface Join {
  readonly room: string;
  readonly since: boolean;
  readonly meta: boolean;
  readonly presence: boolean;
  readonly token: RoomToken | undefined;
}

const escaped = (text: string): string => text.replace(/[^\w]/g, '\\$&');

/** `*` at the end stands for anything, `{user}` for the user, everything else for itself. */
function covers(pattern: string, user: string, room: string): boolean {
  const parts = pattern.split(/(\{user\}|\*$)/).map((part) => {
    if (part === '{user}') return escaped(user);
    return part === '*' ? '.*' : escaped(part);
  });
  return new RegExp(`^${parts.join('')}$`).test(room);
}

const isOfUsers = (room: string): boolean => room.startsWith('user:');

function assert(isRight: boolean, code: 'access.denied' | 'room.not_joined' = 'access.denied'): void {
  if (!isRight) throw new SwitchboardError(code);
}

/** One client as it should be: requests throw what the gateway has to answer. */
export class RightsModel {
  /** Shared rooms, and who put it there. */
  readonly rooms = new Map<string, 'right' | 'backend'>();
  readonly watched = new Set<string>();
  private readonly granted = new Map<string, Set<Action>>();

  constructor(
    readonly user: string,
    private caps: readonly Cap[],
  ) {}

  isIn(room: string): boolean {
    return isOfUsers(room) ? this.owns(room) : this.rooms.has(room);
  }

  join({ room, since, presence, token }: Join): void {
    assert(!isOfUsers(room) || this.owns(room));
    if (token) {
      assert(token.sub === this.user && token.room === room);
      this.granted.set(room, new Set([...(this.granted.get(room) ?? []), ...token.allow]));
    }
    assert(this.may('join', room));
    assert(!since || this.may('history', room));
    assert(!presence || this.may('presence', room));
    if (isOfUsers(room)) return;
    if (!this.rooms.has(room)) this.rooms.set(room, 'right');
    if (presence) this.watched.add(room);
  }

  leave(room: string): void {
    assert(!isOfUsers(room));
    assert(this.rooms.has(room), 'room.not_joined');
    this.left(room);
  }

  emit(room: string): void {
    assert(this.may('emit', room));
    assert(this.isIn(room), 'room.not_joined');
  }

  read(action: 'presence' | 'history', room: string): void {
    assert(this.may(action, room));
  }

  refresh(user: string, caps: readonly Cap[]): void {
    assert(user === this.user);
    this.caps = caps;
    for (const room of this.watched) if (!this.may('presence', room)) this.watched.delete(room);
    for (const [room, by] of this.rooms) if (by === 'right' && !this.may('join', room)) this.left(room);
  }

  put(room: string): void {
    this.rooms.set(room, 'backend');
  }

  left(room: string): void {
    this.rooms.delete(room);
    this.watched.delete(room);
  }

  private owns(room: string): boolean {
    return room === `user:${this.user}`;
  }

  private may(action: Action, room: string): boolean {
    if (isOfUsers(room)) return this.owns(room);
    if (this.granted.get(room)?.has(action)) return true;
    return this.caps.some(
      ({ room: pattern, allow }) => allow.includes(action) && covers(pattern, this.user, room),
    );
  }
}
