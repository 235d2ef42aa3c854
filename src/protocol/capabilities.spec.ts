import fc from 'fast-check';
import { SwitchboardError } from './errors.js';
import {
  ALL_CAPABILITIES,
  compileCapabilities,
  NO_CAPABILITIES,
  ROOM_ACTIONS,
  type Capability,
} from './capabilities.js';

/** The rule of A2 as slowly and literally as it can be written: one character after the other. */
function shadowAllows(caps: readonly Capability[], user: string, action: string, room: string): boolean {
  return caps.some((entry) => {
    if (!entry.allow.some((allowed) => allowed === action)) return false;
    const expected: string[] = [];
    let isPrefix = false;
    for (let at = 0; at < entry.room.length;) {
      if (entry.room.slice(at, at + 6) === '{user}') {
        for (let unit = 0; unit < user.length; unit++) expected.push(user.charAt(unit));
        at += 6;
      } else if (entry.room.charAt(at) === '*') {
        isPrefix = true;
        at += 1;
      } else {
        expected.push(entry.room.charAt(at));
        at += 1;
      }
    }
    if (isPrefix ? room.length < expected.length : room.length !== expected.length) return false;
    return expected.every((unit, at) => room.charAt(at) === unit);
  });
}

/** Few letters, so that names collide; those with a meaning somewhere, so that tricks are tried. */
const piece = fc.constantFrom(
  'a',
  'A',
  'b',
  ':',
  '.',
  '$',
  '&',
  'é',
  'e\u0301',
  'ß',
  'İ',
  '\u212a',
  'k',
  '\\',
  '^',
);
const text = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));
const user = fc
  .array(fc.oneof(piece, fc.constantFrom('*', '{user}', '{', '}', '$&', "$'")), {
    minLength: 1,
    maxLength: 4,
  })
  .map((pieces) => pieces.join(''));
const allow = fc.subarray([...ROOM_ACTIONS]);
const pattern = fc
  .tuple(fc.array(fc.oneof(piece, fc.constant('{user}')), { maxLength: 5 }), fc.boolean())
  .map(([pieces, isPrefix]) => pieces.join('') + (isPrefix ? '*' : ''))
  .filter((made) => made !== '');
const caps = fc.array(fc.record({ room: pattern, allow }), { maxLength: 5 });
const action = fc.constantFrom(...ROOM_ACTIONS);

/** Rooms near what is granted: the granted text itself, cut, lengthened, in another case, in another form. */
const nearbyRoom = fc
  .tuple(
    caps,
    user,
    fc.nat(),
    fc.constantFrom('same', 'cut', 'longer', 'upper', 'lower', 'NFC', 'NFD', 'star'),
    text,
  )
  .map(([entries, sub, pick, change, other]) => {
    const base = entries[pick % Math.max(1, entries.length)]?.room ?? other;
    const room = base.replace('*', '').split('{user}').join(sub);
    const changed = {
      same: room,
      cut: room.slice(0, -1),
      longer: room + other,
      upper: room.toUpperCase(),
      lower: room.toLowerCase(),
      NFC: room.normalize('NFC'),
      NFD: room.normalize('NFD'),
      star: `${room}*`,
    }[change];
    return { entries, sub, room: changed };
  });

describe('capabilities', () => {
  it('[A2] grant nothing that no entry allows', () => {
    expect(compileCapabilities([], '42').allows('join', 'chat:1')).toBe(false);
    const compiled = compileCapabilities([{ room: 'chat:1', allow: ['join'] }], '42');
    expect(compiled.allows('join', 'chat:1')).toBe(true);
    expect(compiled.allows('emit', 'chat:1')).toBe(false);
    expect(compiled.allows('join', 'chat:10')).toBe(false);
    expect(compiled.allows('join', 'chat:')).toBe(false);
    for (const each of ROOM_ACTIONS) expect(NO_CAPABILITIES.allows(each, 'chat:1')).toBe(false);
  });

  it('[A2] let a star at the end stand for any rest, the empty one included', () => {
    const compiled = compileCapabilities([{ room: 'chat:*', allow: ['join', 'history'] }], '42');
    expect(compiled.allows('join', 'chat:')).toBe(true);
    expect(compiled.allows('history', 'chat:1:a')).toBe(true);
    expect(compiled.allows('join', 'chat')).toBe(false);
    expect(compiled.allows('join', 'Chat:1')).toBe(false);
    expect(compileCapabilities([{ room: '*', allow: ['emit'] }], '42').allows('emit', 'anything')).toBe(true);
  });

  it('[A2] add up: each entry grants its own actions only', () => {
    const compiled = compileCapabilities(
      [
        { room: 'a*', allow: ['join'] },
        { room: 'ab', allow: ['emit'] },
      ],
      '42',
    );
    expect(compiled.allows('join', 'ab')).toBe(true);
    expect(compiled.allows('emit', 'ab')).toBe(true);
    expect(compiled.allows('emit', 'ac')).toBe(false);
    expect(compiled.allows('presence', 'ab')).toBe(false);
  });

  it('[A2] put the user in wherever {user} stands', () => {
    const compiled = compileCapabilities([{ room: '{user}/inbox/{user}:*', allow: ['join'] }], '42');
    expect(compiled.allows('join', '42/inbox/42:new')).toBe(true);
    expect(compiled.allows('join', '42/inbox/43:new')).toBe(false);
    expect(compiled.allows('join', '{user}/inbox/{user}:new')).toBe(false);
  });

  it.each(['*', 'a*', '{user}', '$&', "$'", '$$', '{user}*'])(
    '[A2] take a user named %s literally',
    (sub) => {
      const compiled = compileCapabilities([{ room: 'inbox:{user}', allow: ['join'] }], sub);
      expect(compiled.allows('join', `inbox:${sub}`)).toBe(true);
      expect(compiled.allows('join', 'inbox:abc')).toBe(false);
      expect(compiled.allows('join', 'inbox:{user}')).toBe(sub === '{user}');
      expect(compiled.allows('join', 'inbox:inbox:{user}')).toBe(false);
    },
  );

  it.each(['a*b', '**', '*a', 'a**', '*{user}', 'a:{room}', '{user', 'user}', '{{user}}', '{USER}', ''])(
    '[A2] refuse the pattern %j as an invalid token and name the entry',
    (room) => {
      const compile = (): unknown =>
        compileCapabilities(
          [
            { room: 'ok', allow: [] },
            { room, allow: [] },
          ],
          '42',
        );
      expect(compile).toThrow(SwitchboardError);
      expect(compile).toThrow(
        expect.objectContaining({
          code: 'auth.token_invalid',
          errors: [expect.objectContaining({ path: 'caps.1.room' })],
        }),
      );
    },
  );

  it('[A2] agree with the naive reading of the rule for any entries, user and room', () => {
    fc.assert(
      fc.property(caps, user, action, text, (entries, sub, asked, room) => {
        expect(compileCapabilities(entries, sub).allows(asked, room)).toBe(
          shadowAllows(entries, sub, asked, room),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('[A2] agree with the naive reading for rooms one trick away from a granted one', () => {
    let granted = 0;
    fc.assert(
      fc.property(nearbyRoom, action, ({ entries, sub, room }, asked) => {
        const allowed = compileCapabilities(entries, sub).allows(asked, room);
        if (allowed) granted++;
        expect(allowed).toBe(shadowAllows(entries, sub, asked, room));
      }),
      { numRuns: 2_000 },
    );
    expect(granted).toBeGreaterThan(100); // both answers were tried
  });

  it('[A2] never let a user name widen a pattern without star beyond one room', () => {
    fc.assert(
      fc.property(user, text, (sub, room) => {
        const compiled = compileCapabilities([{ room: 'inbox:{user}', allow: ['join'] }], sub);
        expect(compiled.allows('join', `inbox:${room}`)).toBe(room === sub);
      }),
    );
  });

  it('[C4] of open mode allow everything', () => {
    for (const each of ROOM_ACTIONS) expect(ALL_CAPABILITIES.allows(each, 'any')).toBe(true);
  });
});
