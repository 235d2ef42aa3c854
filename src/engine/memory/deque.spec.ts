import fc from 'fast-check';
import { Deque } from './deque.js';

type Step = { readonly do: 'push'; readonly value: number } | { readonly do: 'shift' | 'keep' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.nat(1_000).map((value): Step => ({ do: 'push', value })) },
  { weight: 4, arbitrary: fc.constant<Step>({ do: 'shift' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'keep' }) },
);

const contents = (deque: Deque<number>): number[] =>
  Array.from({ length: deque.length }, (_, place) => deque.at(place));

describe('deque', () => {
  it('[H1] holds what an array would hold, whatever is added and taken', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const deque = new Deque<number>();
        let model: number[] = [];
        for (const each of steps) {
          switch (each.do) {
            case 'push':
              deque.push(each.value);
              model.push(each.value);
              break;
            case 'shift':
              expect(deque.shift()).toBe(model.shift());
              break;
            case 'keep':
              deque.keep((value) => value % 3 > 0);
              model = model.filter((value) => value % 3 > 0);
              break;
          }
          expect(deque.length).toBe(model.length);
          expect(deque.first).toBe(model[0]);
        }
        expect(contents(deque)).toEqual(model);
      }),
    );
  });

  it('[H1] finds the first place from which on everything passes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 60 }), fc.nat(50), fc.nat(40), (values, bound, taken) => {
        const sorted = [...values].sort((one, other) => one - other);
        const deque = new Deque<number>();
        for (const value of sorted) deque.push(value);
        for (let count = 0; count < taken; count++) deque.shift();
        const left = sorted.slice(taken);
        const expected = left.findIndex((value) => value >= bound);
        expect(deque.firstPlace((value) => value >= bound)).toBe(expected < 0 ? left.length : expected);
      }),
    );
  });
});
