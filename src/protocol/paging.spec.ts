import fc from 'fast-check';
import { refusalOf } from '../../test/support/refusal.js';
import {
  decodeName,
  decodePagePosition,
  DEFAULT_PAGE_SIZE,
  encodeName,
  encodePagePosition,
  MAX_PAGE_SIZE,
  pageSize,
  START,
  type ListKind,
} from './paging.js';

const KINDS: readonly ListKind[] = [
  'sockets',
  'sockets in a',
  'sockets in b',
  'users',
  'rooms',
  'members of a',
];
const kind = fc.constantFrom(...KINDS);
const place = fc.record({ namespace: fc.nat(), order: fc.maxSafeNat() });

describe('cursors', () => {
  it('[R3] a place and a name come back as they were', () => {
    fc.assert(
      fc.property(kind, place, fc.string({ unit: 'grapheme' }), (list, where, name) => {
        expect(decodePagePosition(list, encodePagePosition(list, where))).toEqual(where);
        expect(decodeName(list, encodeName(list, name))).toBe(name);
      }),
    );
  });

  it('[R3] a cursor needs no encoding in a URL', () => {
    fc.assert(
      fc.property(kind, place, fc.string({ unit: 'grapheme' }), (list, where, name) => {
        expect(encodePagePosition(list, where)).toMatch(/^[\w-]+$/);
        expect(encodeName(list, name)).toMatch(/^[\w-]+$/);
      }),
    );
  });

  it('[R3] no cursor is the beginning', () => {
    expect(decodePagePosition('sockets', undefined)).toEqual(START);
    expect(decodeName('rooms', undefined)).toBeUndefined();
  });

  it('[R3] a cursor of another list is refused', () => {
    for (const made of KINDS) {
      for (const asked of KINDS) {
        if (made === asked) continue;
        const cursor = encodePagePosition(made, { namespace: 1, order: 7 });
        const error = refusalOf(() => decodePagePosition(asked, cursor));
        expect([made, asked, error.code, error.errors?.[0]?.path]).toEqual([
          made,
          asked,
          'payload.invalid',
          'cursor',
        ]);
      }
    }
    expect(refusalOf(() => decodeName('rooms', encodePagePosition('rooms', START))).code).toBe(
      'payload.invalid',
    );
    expect(refusalOf(() => decodePagePosition('rooms', encodeName('rooms', 'a'))).code).toBe(
      'payload.invalid',
    );
  });

  it('[Q5] any other text is refused with payload.invalid and never repeated', () => {
    const json = fc.json().map((text) => Buffer.from(text).toString('base64url'));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), json), (text) => {
        for (const act of [() => decodePagePosition('sockets', text), () => decodeName('rooms', text)]) {
          const error = refusalOf(act);
          expect(error.code).toBe('payload.invalid');
          expect(error.errors).toEqual([
            { path: 'cursor', message: 'expected `next` of an earlier page of the same list' },
          ]);
        }
      }),
    );
  });
});

describe('page sizes', () => {
  it('[R3] 1 to 1,000 are kept, and without one a page has 100', () => {
    expect([pageSize(undefined), pageSize(1), pageSize(MAX_PAGE_SIZE)]).toEqual([DEFAULT_PAGE_SIZE, 1, 1000]);
    expect(DEFAULT_PAGE_SIZE).toBe(100);
  });

  it.each([0, -1, 1001, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('[R3] %d is refused', (limit) => {
    const error = refusalOf(() => pageSize(limit));
    expect([error.code, error.errors?.[0]?.path]).toEqual(['payload.invalid', 'limit']);
  });
});
