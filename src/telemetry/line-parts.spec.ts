import fc from 'fast-check';
import { ShownFields, timeText } from './line-parts.js';

/** A line with these fields, by one that has shown none before. */
const fresh = (fields: object): string => lineOf(new ShownFields(), fields);
const lineOf = (shown: ShownFields, fields: object): string =>
  Object.entries(fields)
    .map(([key, value], place) => shown.of(place, key, value))
    .join('');

describe('the parts of a log line', () => {
  it('shows a harmless word as it is, and everything else quoted', () => {
    expect(fresh({ key: 'shop', status: 202, ms: 0.5, isLate: true, none: undefined, nothing: null })).toBe(
      ' key=shop status=202 ms=0.5 isLate=true none=undefined nothing=null',
    );
    expect(fresh({ target: '{"rooms":["a"]}' })).toBe(' target="{\\"rooms\\":[\\"a\\"]}"');
    expect(fresh({ target: '[1]', text: 'a b', next: 'a\nb=c', empty: '', object: { a: 1 } })).toBe(
      ' target="[1]" text="a b" next="a\\nb=c" empty="" object="{\\"a\\":1}"',
    );
  });

  it('shows a field the same whatever the lines before had', () => {
    const value = fc.oneof(
      fc.constantFrom(
        'a',
        'b',
        'a b',
        '{}',
        1,
        0,
        -0,
        Number.NaN,
        '1',
        null,
        undefined,
        true,
        'x'.repeat(65),
      ),
      fc.string(),
    );
    const fields = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value);
    fc.assert(
      fc.property(fc.array(fields, { maxLength: 8 }), (lines) => {
        const shown = new ShownFields();
        for (const each of lines) expect(lineOf(shown, each)).toBe(fresh(each));
      }),
    );
  });

  it('shows an object as it is now', () => {
    const shown = new ShownFields();
    const object = { a: 1 };
    lineOf(shown, { object });
    lineOf(shown, { object });
    object.a = 2;
    expect(lineOf(shown, { object })).toBe(' object="{\\"a\\":2}"');
  });

  it('gives times as RFC 3339, within a second and across its end', () => {
    const start = Date.UTC(2026, 10, 23, 10, 0, 0, 998);
    expect([0, 0, 1, 2, 1000].map((ms) => timeText(start + ms))).toEqual([
      '2026-11-23T10:00:00.998Z',
      '2026-11-23T10:00:00.998Z',
      '2026-11-23T10:00:00.999Z',
      '2026-11-23T10:00:01.000Z',
      '2026-11-23T10:00:01.998Z',
    ]);
  });
});
