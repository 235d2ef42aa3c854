import fc from 'fast-check';
import { RoomPresence, type AddressedNotice, type PresenceNotice } from './room-presence.js';

const joined = (...users: string[]): PresenceNotice['joined'] =>
  users.map((user) => ({ user, info: user.toUpperCase() }));
const ALL = { to: undefined, except: [] };

describe('RoomPresence', () => {
  let room: RoomPresence<string>;
  const come = (user: string): string | undefined => room.came(user, user.toUpperCase());

  beforeEach(() => {
    room = new RoomPresence();
  });

  it('[M4] [M7] tells together who came and who left since the last notice, in order', () => {
    come('ada');
    room.left('old');
    come('bob');
    expect(room.tell()).toEqual([{ notice: { joined: joined('ada', 'bob'), left: ['old'] }, ...ALL }]);
    expect(room.tell()).toEqual([]);
    expect(room.isQuiet).toBe(true);
  });

  it('[M4] [M7] who came and left, or left and came back, between two notices is not mentioned', () => {
    come('ada');
    room.left('bob');
    room.left('ada');
    come('bob');
    expect(room.tell()).toEqual([]);
  });

  it('[M4] a watcher hears of those who came after it, not of its own coming', () => {
    come('ada');
    room.watchedBy('socket of ada');
    come('bob');
    room.watchedBy('socket of bob');
    expect(room.tell()).toEqual([
      {
        notice: { joined: joined('ada', 'bob'), left: [] },
        to: undefined,
        except: ['socket of ada', 'socket of bob'],
      },
      { notice: { joined: joined('bob'), left: [] }, to: ['socket of ada'], except: [] },
    ]);
  });

  it('[M4] a watcher that leaves before the next notice hears nothing', () => {
    come('ada');
    room.watchedBy('socket of ada');
    room.unwatchedBy('socket of ada');
    room.left('ada');
    expect(room.tell()).toEqual([]);
  });

  it('[M4] who returns in time is not mentioned, and gives back its timer', () => {
    room.broke('ada', 'timer of ada');
    expect(room.absentCount).toBe(1);
    expect(room.tell()).toEqual([]);
    expect(room.isQuiet).toBe(false);
    expect(come('ada')).toBe('timer of ada');
    expect(room.tell()).toEqual([]);
    expect(room.isQuiet).toBe(true);
  });

  it('[M4] of who breaks off again after a return that was not seen here, the last break counts', () => {
    expect(room.broke('ada', 'first')).toBeUndefined();
    room.broke('bob', 'timer of bob');
    room.watchedBy('socket of cy');
    expect(room.broke('ada', 'second')).toBe('first');
    expect(room.absentCount).toBe(2);
    room.tell();
    room.lost('bob');
    room.lost('ada');
    expect(room.tell()).toEqual([
      { notice: { joined: [], left: ['bob', 'ada'] }, to: undefined, except: ['socket of cy'] },
      { notice: { joined: [], left: ['ada'] }, to: ['socket of cy'], except: [] },
    ]);
  });

  it('[M4] who does not return in time has left', () => {
    room.broke('ada', '');
    room.broke('bob', '');
    room.tell();
    room.lost('ada');
    room.lost('bob');
    room.lost('nobody');
    expect(room.tell()).toEqual([{ notice: { joined: [], left: ['ada', 'bob'] }, ...ALL }]);
  });

  it('[M4] who began to watch during an absence hears of the return, and only then', () => {
    room.watchedBy('early');
    room.tell();
    room.broke('ada', '');
    room.broke('bob', '');
    room.watchedBy('late');
    room.tell();
    come('ada');
    room.lost('bob');
    expect(room.tell()).toEqual([
      { notice: { joined: [], left: ['bob'] }, to: undefined, except: ['late'] },
      { notice: { joined: joined('ada'), left: [] }, to: ['late'], except: [] },
    ]);
  });

  it('[M4] many who reconnect at once are told in few notices', () => {
    const users = Array.from({ length: 500 }, (_, index) => `user ${index}`);
    for (const user of users) room.broke(user, '');
    room.tell();
    // Half of them come back, each as a new socket that watches, some before each notice.
    let notices = 0;
    for (let at = 0; at < 250; at += 50) {
      for (const user of users.slice(at, at + 50)) {
        come(user);
        room.watchedBy(`socket of ${user}`);
      }
      notices += room.tell().length;
    }
    // For those that began before once, and for each that began between two notices the rest of it.
    expect(notices).toBeLessThanOrEqual(250 + 5);
    for (const user of users.slice(250)) room.lost(user);
    // All that are back began after all the breaks: they took nobody for present who now is lost.
    expect(room.tell()).toEqual([
      {
        notice: { joined: [], left: users.slice(250) },
        to: undefined,
        except: users.slice(0, 250).map((user) => `socket of ${user}`),
      },
    ]);
    expect(room.isQuiet).toBe(true);
  });

  it('[M4] every watcher always knows who is there, and is told nothing that it knows', () => {
    const user = fc.constantFrom('ada', 'bob', 'cem', 'dia');
    const watcher = fc.constantFrom('w1', 'w2', 'w3');
    const op = fc.oneof(
      fc.record({ do: fc.constantFrom('come', 'leave', 'break', 'lose'), who: user }),
      fc.record({ do: fc.constantFrom('watch', 'unwatch'), who: watcher }),
      fc.record({ do: fc.constant('tell'), who: fc.constant('') }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
        const shadow = new Shadow();
        for (const { do: kind, who } of [...ops, { do: 'tell', who: '' }]) shadow.run(kind, who);
      }),
      { numRuns: 3_000 },
    );
  });
});

/** What every watcher should believe, kept per watcher and step by step; what it is told must lead to the same. */
class Shadow {
  private readonly room = new RoomPresence<string>();
  private readonly present = new Set<string>();
  private readonly away = new Set<string>();
  /** What each watcher has been told so far, and what it should know. */
  private readonly watchers = new Map<string, { told: Set<string>; shouldKnow: Set<string> }>();

  run(kind: string, who: string): void {
    switch (kind) {
      case 'come':
        if (this.present.has(who)) return;
        expect(this.room.came(who, null)).toBe(this.away.has(who) ? who : undefined);
        this.away.delete(who);
        this.present.add(who);
        return this.change((known) => known.add(who));
      case 'leave':
        if (!this.present.delete(who)) return;
        this.room.left(who);
        return this.change((known) => known.delete(who));
      case 'break':
        if (!this.present.delete(who)) return;
        this.away.add(who);
        this.room.broke(who, who);
        return;
      case 'lose':
        if (!this.away.delete(who)) return;
        this.room.lost(who);
        return this.change((known) => known.delete(who));
      case 'watch':
        if (this.watchers.has(who)) return;
        // It asks for the members: those who are away are not among them.
        this.watchers.set(who, { told: new Set(this.present), shouldKnow: new Set(this.present) });
        this.room.watchedBy(who);
        return;
      case 'unwatch':
        if (this.watchers.delete(who)) this.room.unwatchedBy(who);
        return;
      default:
        this.tell();
    }
  }

  private change(apply: (known: Set<string>) => void): void {
    for (const { shouldKnow } of this.watchers.values()) apply(shouldKnow);
  }

  private tell(): void {
    const notices = this.room.tell();
    for (const [socketId, { told, shouldKnow }] of this.watchers) {
      const own = notices.filter((each) => isFor(each, socketId));
      expect(own.length).toBeLessThanOrEqual(1);
      for (const { notice } of own) {
        for (const { user } of notice.joined) expect([user, told.has(user)]).toEqual([user, false]);
        for (const user of notice.left) expect([user, told.has(user)]).toEqual([user, true]);
        for (const { user } of notice.joined) told.add(user);
        for (const user of notice.left) told.delete(user);
      }
      expect([...told].toSorted()).toEqual([...shouldKnow].toSorted());
    }
    expect(this.room.isQuiet).toBe(this.away.size === 0);
    expect(this.room.absentCount).toBe(this.away.size);
  }
}

const isFor = ({ to, except }: AddressedNotice, socketId: string): boolean =>
  to === undefined ? !except.includes(socketId) : to.includes(socketId);
