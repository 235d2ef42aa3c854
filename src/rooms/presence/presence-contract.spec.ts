/**
 * Watchers cannot tell whether their gateway is one node or many: what goes on in a room is put to both of its pictures,
 * that of a node which knows the room and that of one which is told of it.
 */
import fc from 'fast-check';
import type { PresenceChange } from '../../engine/presence.js';
import { RoomPresence, type AddressedNotice } from './room-presence.js';
import { WatchedRoom } from './watched-room.js';

const EPOCH = 'e';
const ROOM = 'r';

const user = fc.constantFrom('ada', 'bob', 'cem', 'dia');
const watcher = fc.constantFrom('w1', 'w2', 'w3');
type Act =
  | { readonly do: 'come' | 'leave' | 'break' | 'lose' | 'watch' | 'unwatch'; readonly who: string }
  | { readonly do: 'tell' };
const act: fc.Arbitrary<Act> = fc.oneof(
  { arbitrary: fc.record({ do: fc.constantFrom('come', 'leave', 'break', 'lose'), who: user }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constantFrom('watch', 'unwatch'), who: watcher }), weight: 2 },
  fc.record({ do: fc.constant('tell') }),
);

/** One room, as both know it. */
class Both {
  private seq = 1;
  private readonly here = new RoomPresence<undefined>();
  private readonly told = new WatchedRoom({
    room: ROOM,
    at: { epoch: EPOCH, seq: this.seq },
    present: [],
    joined: [],
    absent: [],
  });
  private readonly present = new Set<string>();
  /** Users that are held, with the place of the break. */
  private readonly away = new Map<string, number>();
  private readonly watchers = new Set<string>();

  run(each: Act): void {
    switch (each.do) {
      case 'come': {
        if (this.present.has(each.who)) return;
        const brokeAt = this.away.get(each.who);
        this.away.delete(each.who);
        this.present.add(each.who);
        this.here.came(each.who, null);
        this.change({ joined: [{ user: each.who, info: null, ...(brokeAt !== undefined && { brokeAt }) }] });
        return;
      }
      case 'leave':
        if (!this.present.delete(each.who)) return;
        this.here.left(each.who);
        this.change({ left: [each.who] });
        return;
      case 'break':
        if (!this.present.delete(each.who)) return;
        this.here.broke(each.who, undefined);
        this.change({ broken: [each.who] });
        this.away.set(each.who, this.seq);
        return;
      case 'lose': {
        const brokeAt = this.away.get(each.who);
        if (brokeAt === undefined) return;
        this.away.delete(each.who);
        this.here.lost(each.who);
        this.change({ lost: [{ user: each.who, brokeAt }] });
        return;
      }
      case 'watch':
        if (this.watchers.has(each.who)) return;
        this.watchers.add(each.who);
        this.here.watchedBy(each.who);
        this.told.watchedBy(each.who, { epoch: EPOCH, seq: this.seq });
        return;
      case 'unwatch':
        if (this.watchers.delete(each.who)) this.here.unwatchedBy(each.who);
        return;
      case 'tell':
        this.tell();
    }
  }

  private change(what: Partial<PresenceChange>): void {
    const nothing = { room: ROOM, joined: [], left: [], broken: [], held: [], lost: [] };
    this.told.changed({ ...nothing, at: { epoch: EPOCH, seq: ++this.seq }, ...what });
  }

  private tell(): void {
    const [here, told] = [this.here.tell(), this.told.tell()];
    for (const socketId of this.watchers) {
      expect([socketId, noticesFor(told, socketId)]).toEqual([socketId, noticesFor(here, socketId)]);
    }
    expect(this.told.absentCount).toBe(this.here.absentCount);
  }
}

const noticesFor = (notices: readonly AddressedNotice[], socketId: string): unknown[] =>
  notices
    .filter(({ to, except }) => (to ? to.includes(socketId) : !except.includes(socketId)))
    .map(({ notice }) => notice);

it('[M4] [M7] watchers are told the same by one node and by many', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const both = new Both();
      for (const each of acts) both.run(each);
      both.run({ do: 'tell' });
    }),
    { numRuns: 3_000 },
  );
});
