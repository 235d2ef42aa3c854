import fc from 'fast-check';
import { eventName, isReservedEvent, isRoomName, isUserRoom, socketId, userName, userRoom } from './names.js';
import { REQUEST, NOTICE } from './events.js';

const ROOM_CHARACTERS = 'ABCXYZabcxyz0129_-.:@/=+#';

describe('room names', () => {
  it('[M2] 1 to 128 characters out of letters, digits and _ - . : @ / = + #', () => {
    const valid = fc.string({ unit: fc.constantFrom(...ROOM_CHARACTERS), minLength: 1, maxLength: 128 });
    fc.assert(fc.property(valid, (name) => isRoomName(name)));
    expect([isRoomName('r'.repeat(128)), isRoomName('r'.repeat(129)), isRoomName('')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('[M2] one character of any other kind spoils a name', () => {
    const other = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 1 })
      .filter((character) => !/^[A-Za-z0-9_\-.:@/=+#]$/.test(character));
    fc.assert(
      fc.property(other, fc.nat(3), (character, place) => {
        const name = `${'room'.slice(0, place)}${character}${'room'.slice(place)}`;
        return !isRoomName(name);
      }),
    );
    expect(['a\n', '\na', 'a b', 'ä', 'a,b', 'a*', '𝄞', 'a\u0000'].filter(isRoomName)).toEqual([]);
  });

  it.each([[undefined], [null], [1], [['a']], [{ toString: () => 'a' }]])(
    '[M2] %p is no room name',
    (value) => {
      expect(isRoomName(value)).toBe(false);
    },
  );

  it('[M3] a user’s room is told by its prefix', () => {
    expect(userRoom('42')).toBe('user:42');
    expect(isUserRoom(userRoom('ünï/çödé'))).toBe(true);
    expect(['user', 'users:1', 'a/user:42', 'User:42'].filter(isUserRoom)).toEqual([]);
  });
});

describe('user names and socket IDs', () => {
  it('a user is 1 to 128 characters, counted as people do, without control characters', () => {
    const isUser = (name: unknown): boolean => userName.safeParse(name).success;
    expect(['42', 'user|42', 'ünï çödé', '𝄞'.repeat(128), '__proto__', ' '].map(isUser)).not.toContain(false);
    const bad = [
      '',
      'x'.repeat(129),
      'a\nb',
      'a\u0000',
      'a\u007f',
      'a\u0085',
      'a\u2028b',
      'a\u2029',
      'half \ud834',
      42,
      null,
    ];
    expect(bad.filter(isUser)).toEqual([]);
  });

  it('a socket ID is any well-formed text of 1 to 256 characters', () => {
    const isId = (id: unknown): boolean => socketId.safeParse(id).success;
    expect([
      isId('a'),
      isId('x'.repeat(256)),
      isId(''),
      isId('x'.repeat(257)),
      isId('\udd1e'),
      isId(1),
    ]).toEqual([true, true, false, false, false, false]);
  });
});

describe('event names', () => {
  it('[D2] have 1 to 128 characters', () => {
    const isEvent = (name: unknown): boolean => eventName.safeParse(name).success;
    expect([
      isEvent('e'),
      isEvent('e'.repeat(128)),
      isEvent(''),
      isEvent('e'.repeat(129)),
      isEvent(7),
    ]).toEqual([true, true, false, false, false]);
  });

  it.each([
    'connect',
    'connect_error',
    'connect_timeout',
    'disconnect',
    'disconnecting',
    'error',
    'exception',
    'newListener',
    'removeListener',
    'ping',
    'pong',
    'reconnect',
    'reconnect_attempt',
    'reconnecting',
    'reconnect_error',
    'reconnect_failed',
    'room:',
    'room:join',
    'auth:anything',
    'server:disconnect',
    'socket:info',
  ])('[D2] %s is reserved', (event) => {
    expect(isReservedEvent(event)).toBe(true);
  });

  it('[D2] every name of the gateway’s own protocol is reserved', () => {
    expect(
      [...Object.values(REQUEST), ...Object.values(NOTICE)].filter((event) => !isReservedEvent(event)),
    ).toEqual([]);
  });

  it.each(['message', 'Connect', 'connected', 'chat:room:join', 'room', 'rooms:x', '__proto__', 'toString'])(
    '[D2] %s is free',
    (event) => {
      expect(isReservedEvent(event)).toBe(false);
    },
  );
});
