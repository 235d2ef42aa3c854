import fc from 'fast-check';
import { parseInput } from '../protocol/validation.js';
import { emitRequest } from './publication-schemas.js';

const SOCKET_ID = 'AbCdEfGhIjKlMnOpQrSt';
/** Mostly what is meant, sometimes what is not. */
const mostly = <Good, Bad>(good: fc.Arbitrary<Good>, bad: fc.Arbitrary<Bad>): fc.Arbitrary<Good | Bad> =>
  fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: bad });

const names = mostly(
  fc.array(
    mostly(
      fc.constantFrom('room', 'user:7', SOCKET_ID, `/chat#${SOCKET_ID}`),
      fc.constantFrom('', 'a b', '\ud800', 'x'.repeat(129), 7, null),
    ),
    { maxLength: 3 },
  ),
  fc.constantFrom('room', null, 7, {}),
);
const lists = { rooms: names, users: names, sockets: names };
const selection = mostly(
  fc.oneof(
    fc.record(lists, { requiredKeys: [] }),
    fc.record({ all: mostly(fc.constant(true), fc.constant(false)) }),
    fc.record({ ...lists, other: names }, { requiredKeys: ['rooms'] }),
  ),
  fc.constantFrom(null, 7, 'all', ['rooms']),
);
const needed = { to: selection, event: mostly(fc.constant('tick'), fc.constantFrom('', 'x'.repeat(129), 7)) };
const request = mostly(
  fc.oneof(
    fc.record({ ...needed, data: fc.jsonValue({ maxDepth: 1 }) }, { requiredKeys: ['to', 'event'] }),
    fc.record({
      ...needed,
      args: fc.array(fc.jsonValue({ maxDepth: 1 })),
      except: selection,
      volatile: mostly(fc.boolean(), fc.constant('yes')),
    }),
  ),
  fc.oneof(fc.record({ ...needed, other: fc.constant(1) }), fc.constantFrom(null, 7, 'text', ['to'])),
);

describe('requests to publish', () => {
  it('[E2] are taken, and given on, as their schema says, also in their plain form', () => {
    let taken = 0;
    let refused = 0;
    fc.assert(
      fc.property(request, (value) => {
        const checked = emitRequest.safeParse(value);
        if (checked.success) {
          taken++;
          expect(parseInput(emitRequest, value)).toEqual(checked.data);
        } else {
          refused++;
          expect(() => parseInput(emitRequest, value)).toThrow();
        }
      }),
      { numRuns: 2_000, seed: 42 },
    );
    expect(taken).toBeGreaterThan(200);
    expect(refused).toBeGreaterThan(200);
  });

  it.each([
    { to: { rooms: ['a'] }, event: 'tick', data: 1 },
    { to: { sockets: [SOCKET_ID], rooms: [] }, event: 'tick' },
  ])('[E2] are not copied in their plain form: %j', (value) => {
    expect(parseInput(emitRequest, value)).toBe(value);
  });

  it('[E2] are refused for a key that objects have by themselves, as for any unknown one', () => {
    const text = '{"to":{"rooms":["a"]},"event":"tick","__proto__":{"data":1}}';
    const parse = (): unknown => parseInput(emitRequest, JSON.parse(text));
    expect(parse).toThrow(expect.objectContaining({ code: 'payload.invalid' }));
  });
});
