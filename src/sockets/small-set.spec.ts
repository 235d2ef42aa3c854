import fc from 'fast-check';
import { SmallSet } from './small-set.js';

const element = fc.integer({ min: 0, max: 30 }).map(String);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('add' as const), element }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), element }) },
);

describe('SmallSet', () => {
  it('answers as a Set does, below, at and above the size where it becomes one', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const set = new SmallSet();
        const model = new Set<string>();
        for (const { kind, element: value } of steps) {
          if (kind === 'add') {
            expect(set.add(value)).toBe(set);
            model.add(value);
          } else {
            expect(set.delete(value)).toBe(model.delete(value));
          }
          expect(set.size).toBe(model.size);
          expect(set.has(value)).toBe(model.has(value));
        }
        expect([...set]).toEqual([...model]);
      }),
    );
  });

  it.each([3, 16, 17, 40])(
    'a walk over %d elements visits each once although all are removed on the way',
    (size) => {
      const elements = Array.from({ length: size }, (_, index) => String(index));
      const set = new SmallSet();
      for (const each of elements) set.add(each);
      const visited: string[] = [];
      for (const each of set) {
        visited.push(each);
        set.delete(each);
      }
      expect(visited).toEqual(elements);
      expect(set.size).toBe(0);
    },
  );
});
