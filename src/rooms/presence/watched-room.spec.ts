import fc from 'fast-check';
import type { PresenceChange, PresenceState } from '../../engine/presence.js';
import { WatchedRoom } from './watched-room.js';

const at = (seq: number, epoch = 'e'): { epoch: string; seq: number } => ({ epoch, seq });
const stateOf = (present: string[], seq = 0, epoch = 'e'): PresenceState => ({
  room: 'x',
  at: at(seq, epoch),
  present,
  joined: present.map((user) => ({ user, info: null })),
  absent: [],
});
const changeAt = (seq: number, more: Partial<PresenceChange>, epoch = 'e'): PresenceChange => ({
  room: 'x',
  at: at(seq, epoch),
  joined: [],
  left: [],
  broken: [],
  held: [],
  lost: [],
  ...more,
});
const come = (user: string, brokeAt?: number) => ({ user, info: null, ...(brokeAt && { brokeAt }) });
const ALL = { to: undefined, except: [] };
const notice = (joined: string[], left: string[] = []) => ({
  joined: joined.map((user) => ({ user, info: null })),
  left,
});

const changed = (room: WatchedRoom, change: PresenceChange) => {
  room.changed(change);
  return room.tell();
};
const synced = (room: WatchedRoom, state: PresenceState) => {
  room.synced(state);
  return room.tell();
};

describe('WatchedRoom', () => {
  it('[M4] what is told twice is told to nobody twice', () => {
    const room = new WatchedRoom(stateOf(['ada']));
    expect(changed(room, changeAt(1, { joined: [come('ada'), come('bob')] }))).toEqual([
      { notice: notice(['bob']), ...ALL },
    ]);
    expect(changed(room, changeAt(2, { joined: [come('bob')], left: ['cleo'] }))).toEqual([]);
    expect(room.users).toEqual(['ada', 'bob']);
  });

  it('[M4] who is held for its return is told of when it does not come, and not when it does', () => {
    const room = new WatchedRoom(stateOf(['ada', 'bob']));
    expect(changed(room, changeAt(1, { broken: ['ada', 'bob'] }))).toEqual([]);
    expect(room.absentCount).toBe(2);
    expect(changed(room, changeAt(2, { joined: [come('ada', 1)] }))).toEqual([]);
    expect(changed(room, changeAt(3, { lost: [{ user: 'bob', brokeAt: 1 }] }))).toEqual([
      { notice: notice([], ['bob']), ...ALL },
    ]);
    expect([room.absentCount, room.users]).toEqual([0, ['ada']]);
  });

  it('[M4] who began to watch while a user was held is told the other way round', () => {
    const room = new WatchedRoom(stateOf(['ada', 'bob']));
    changed(room, changeAt(1, { broken: ['ada', 'bob'] }));
    room.watchedBy('late', at(1));
    expect(changed(room, changeAt(2, { joined: [come('ada', 1)] }))).toEqual([
      { notice: notice(['ada']), to: ['late'], except: [] },
    ]);
    expect(changed(room, changeAt(3, { lost: [{ user: 'bob', brokeAt: 1 }] }))).toEqual([
      { notice: notice([], ['bob']), to: undefined, except: ['late'] },
    ]);
  });

  it('[M4] who was told who is there at a later place hears from there on only', () => {
    const room = new WatchedRoom(stateOf(['ada', 'bob']));
    // Its list has Cleo and neither Ada nor Bob.
    room.watchedBy('asked', at(3));
    expect(changed(room, changeAt(1, { joined: [come('cleo')] }))).toEqual([
      { notice: notice(['cleo']), to: undefined, except: ['asked'] },
    ]);
    changed(room, changeAt(2, { broken: ['ada'] }));
    changed(room, changeAt(3, { broken: ['bob'] }));
    expect(
      changed(room, changeAt(4, { joined: [come('ada', 2)], lost: [{ user: 'bob', brokeAt: 3 }] })),
    ).toEqual([
      { notice: notice([], ['bob']), to: undefined, except: ['asked'] },
      { notice: notice(['ada']), to: ['asked'], except: [] },
    ]);
  });

  it('[M4] [O3] after a loss of shared state only what is different is told, and those who are not there are held', () => {
    const room = new WatchedRoom(stateOf(['ada', 'bob', 'cleo']));
    changed(room, changeAt(7, { broken: ['cleo'] }));
    room.watchedBy('late', at(8));
    const state: PresenceState = {
      ...stateOf(['ada', 'dora'], 3, 'f'),
      absent: [
        { user: 'bob', brokeAt: 2 },
        { user: 'cleo', brokeAt: 2 },
      ],
    };
    expect(synced(room, state)).toEqual([{ notice: notice(['dora']), ...ALL }]);
    // Cleo was away when it began, and is so still; Bob was not.
    expect(changed(room, changeAt(4, { joined: [come('bob', 2), come('cleo', 2)] }, 'f'))).toEqual([
      { notice: notice(['cleo']), to: ['late'], except: [] },
    ]);
  });

  it('[M4] [O3] of who was held when shared state was lost, a socket from another node is told whatever becomes of it', () => {
    const room = new WatchedRoom(stateOf(['ada', 'bob', 'cleo'], 0, 'f'));
    changed(room, changeAt(1, { held: ['dora', 'emil', 'ada'] }, 'f'));
    // Both began on another node, one before the loss.
    room.watchedBy('before', at(7, 'e'));
    room.watchedBy('after', at(1, 'f'));
    changed(room, changeAt(2, { broken: ['bob', 'cleo'] }, 'f'));
    expect(
      changed(room, changeAt(3, { joined: [come('ada', 0), come('dora', 0), come('bob', 2)] }, 'f')),
    ).toEqual([
      { notice: notice(['dora']), to: undefined, except: ['after', 'before'] },
      { notice: notice(['ada', 'dora']), to: ['after'], except: [] },
      { notice: notice(['ada', 'dora']), to: ['before'], except: [] },
    ]);
    const lost = [
      { user: 'emil', brokeAt: 0 },
      { user: 'cleo', brokeAt: 2 },
    ];
    expect(changed(room, changeAt(4, { lost }, 'f'))).toEqual([
      { notice: notice([], ['cleo']), to: undefined, except: ['after', 'before'] },
      { notice: notice([], ['cleo']), to: ['after'], except: [] },
      { notice: notice([], ['emil', 'cleo']), to: ['before'], except: [] },
    ]);
  });

  it('[M4] [O3] a socket from another node may know of a held user of whom nobody here does', () => {
    const room = new WatchedRoom(stateOf(['ada']));
    synced(room, stateOf(['ada'], 0, 'f'));
    changed(room, changeAt(1, { held: ['bob'] }, 'f'));
    room.watchedBy('other', at(2, 'e'));
    expect(changed(room, changeAt(2, { lost: [{ user: 'bob', brokeAt: 0 }] }, 'f'))).toEqual([
      { notice: notice([], ['bob']), to: ['other'], except: [] },
    ]);
  });

  it('[M4] whatever happens, what watchers were told adds up to who is there', () => {
    type Act = { readonly user: string; readonly do: 'come' | 'leave' | 'break' | 'lose' };
    const act: fc.Arbitrary<Act | 'watch' | 'forget'> = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          user: fc.constantFrom('a', 'b', 'c'),
          do: fc.constantFrom('come', 'leave', 'break', 'lose'),
        }),
      },
      fc.constant('watch' as const),
      fc.constant('forget' as const),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const present = new Set<string>();
        let absent = new Map<string, number>();
        const lists = new Map<string, Set<string>>([['first', new Set()]]);
        const room = new WatchedRoom(stateOf([]));
        room.watchedBy('first', at(0));
        let [seq, epoch] = [0, 'e0'];
        const hear = (notices: ReturnType<WatchedRoom['tell']>): void => {
          for (const { notice: told, to, except } of notices) {
            for (const socketId of to ?? [...lists.keys()].filter((each) => !except.includes(each))) {
              const list = lists.get(socketId)!;
              for (const { user } of told.joined) {
                expect(list.has(user)).toBe(false);
                list.add(user);
              }
              for (const user of told.left) expect(list.delete(user)).toBe(true);
            }
          }
        };
        synced(room, { ...stateOf([], 0, epoch) });
        for (const each of acts) {
          if (each === 'watch') {
            const socketId = `w${lists.size}`;
            lists.set(socketId, new Set(present));
            room.watchedBy(socketId, at(seq, epoch));
            continue;
          }
          if (each === 'forget') {
            // Everyone is written again but those who were away.
            epoch = `e${Number(epoch.slice(1)) + 1}`;
            seq = 1;
            absent = new Map([...absent.keys()].map((user) => [user, seq]));
            const held = [...absent].map(([user, brokeAt]) => ({ user, brokeAt }));
            hear(synced(room, { ...stateOf([...present], seq, epoch), absent: held }));
            continue;
          }
          const { user } = each;
          const brokeAt = absent.get(user);
          if (each.do === 'come' && !present.has(user)) {
            present.add(user);
            absent.delete(user);
            hear(changed(room, changeAt(++seq, { joined: [come(user, brokeAt)] }, epoch)));
          } else if (each.do === 'leave' && present.delete(user)) {
            hear(changed(room, changeAt(++seq, { left: [user] }, epoch)));
          } else if (each.do === 'break' && present.delete(user)) {
            absent.set(user, ++seq);
            hear(changed(room, changeAt(seq, { broken: [user] }, epoch)));
          } else if (each.do === 'lose' && brokeAt !== undefined) {
            absent.delete(user);
            hear(changed(room, changeAt(++seq, { lost: [{ user, brokeAt }] }, epoch)));
          }
        }
        for (const [user, brokeAt] of absent)
          hear(changed(room, changeAt(++seq, { lost: [{ user, brokeAt }] }, epoch)));
        for (const list of lists.values()) expect([...list].toSorted()).toEqual([...present].toSorted());
        expect([...room.users].toSorted()).toEqual([...present].toSorted());
      }),
      { numRuns: 500 },
    );
  });
});
