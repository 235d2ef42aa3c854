import fc from 'fast-check';
import { RoomMembers } from './room-members.js';

/** Socket `n` belongs to user `n modulo 7`. */
const userOf = (socketId: string): string => `user-${Number(socketId) % 7}`;

const step = fc.record({
  kind: fc.oneof(
    { weight: 5, arbitrary: fc.constant('add' as const) },
    { weight: 4, arbitrary: fc.constant('delete' as const) },
  ),
  socketId: fc.integer({ min: 0, max: 40 }).map(String),
});

/** The users of a set of sockets in the order in which each one's first socket joined, as counts. */
class Model {
  readonly sockets = new Set<string>();
  readonly users = new Map<string, number>();

  add(socketId: string): void {
    if (this.sockets.has(socketId)) return;
    this.sockets.add(socketId);
    this.users.set(userOf(socketId), (this.users.get(userOf(socketId)) ?? 0) + 1);
  }

  delete(socketId: string): boolean {
    if (!this.sockets.delete(socketId)) return false;
    const left = this.users.get(userOf(socketId))! - 1;
    if (left === 0) this.users.delete(userOf(socketId));
    else this.users.set(userOf(socketId), left);
    return true;
  }
}

describe('RoomMembers', () => {
  it('[R1] [M5] answers as a Set of sockets and a count per user do, in the order of joining', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const members = new RoomMembers('room', userOf);
        const model = new Model();
        for (const { kind, socketId } of steps) {
          if (kind === 'add') {
            expect(members.add(socketId)).toBe(members);
            model.add(socketId);
          } else {
            expect(members.delete(socketId)).toBe(model.delete(socketId));
          }
          const user = userOf(socketId);
          expect(members.size).toBe(model.sockets.size);
          expect(members.userCount).toBe(model.users.size);
          expect(members.has(socketId)).toBe(model.sockets.has(socketId));
          expect(members.hasUser(user)).toBe(model.users.has(user));
          expect(members.socketsOf(user)).toBe(model.users.get(user) ?? 0);
        }
        const sockets = [...model.sockets];
        expect([...members]).toEqual(sockets);
        expect(members.shown).toEqual(model.sockets);
        expect([...members.socketsAfter(0)].map(({ socketId }) => socketId)).toEqual(sockets);
        expect([...members.usersAfter(0)].map(({ user, sockets: count }) => [user, count])).toEqual([
          ...model.users,
        ]);
      }),
    );
  });

  it('a socket keeps the user it joined with, whatever is known of it when it leaves', () => {
    let user = 'ada';
    const members = new RoomMembers('room', () => user);
    members.add('1');
    user = '';
    expect(members.delete('1')).toBe(true);
    expect([members.size, members.userCount, members.socketsOf('ada')]).toEqual([0, 0, 0]);
  });

  it('a walk visits each member once although it leaves on the way', () => {
    const members = new RoomMembers('room', userOf);
    for (let each = 0; each < 20; each++) members.add(String(each));
    const visited: string[] = [];
    for (const socketId of members) {
      visited.push(socketId);
      members.delete(socketId);
    }
    expect(visited).toEqual(Array.from({ length: 20 }, (_, index) => String(index)));
  });
});
