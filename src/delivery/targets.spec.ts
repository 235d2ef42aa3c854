import fc from 'fast-check';
import { selectRooms } from './targets.js';

const name = fc.constantFrom('a', 'b', 'c', '42', 'user:42');
const names = fc.option(fc.array(name, { maxLength: 4 }), { nil: undefined });
const selection = fc.record({ rooms: names, users: names, sockets: names });

const expected = ({
  rooms = [],
  users = [],
  sockets = [],
}: Record<string, string[] | undefined>): Set<string> =>
  new Set([...rooms, ...users.map((user) => `user:${user}`), ...sockets]);

describe('targets', () => {
  it('[D1] everyone is no set of rooms at all', () => {
    expect(selectRooms({ all: true }, {})).toEqual({
      rooms: undefined,
      except: { rooms: new Set(), sockets: new Set() },
    });
  });

  it('[D1] rooms, users and sockets become one set of rooms, each name once', () => {
    fc.assert(
      fc.property(selection, selection, (to, except) => {
        const selected = selectRooms(to, except);
        expect(selected.rooms).toEqual(expected(to));
        expect(selected.except.rooms).toEqual(expected({ ...except, sockets: [] }));
        expect(selected.except.sockets).toEqual(new Set(except.sockets));
      }),
    );
  });

  it.each([
    [{}],
    [{ rooms: [] }],
    [{ users: [] }],
    [{ sockets: [] }],
    [{ rooms: [], users: [], sockets: [] }],
  ])('[D1] %j is nobody and never everyone', (to) => {
    expect(selectRooms(to, {}).rooms).toEqual(new Set());
  });

  it('[D1] what is taken off everyone is rooms, and sockets by themselves', () => {
    const { rooms, except } = selectRooms({ all: true }, { rooms: ['a'], users: ['42'], sockets: ['s'] });
    expect(rooms).toBeUndefined();
    expect(except).toEqual({ rooms: new Set(['a', 'user:42']), sockets: new Set(['s']) });
  });

  it('[M3] a name of a socket stands for that socket alone, unless it is given as a room too', () => {
    const { rooms, sockets } = selectRooms({ rooms: ['b', 'c'], sockets: ['a', 'b'] }, {});
    expect(rooms).toEqual(new Set(['a', 'b', 'c']));
    expect(sockets).toEqual(new Set(['a']));
  });

  it('[D1] one empty list does not hide the others', () => {
    expect(selectRooms({ all: true }, { rooms: [], users: ['42'] }).except.rooms).toEqual(
      new Set(['user:42']),
    );
  });
});
