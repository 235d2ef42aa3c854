import { SmallMap } from './small-map.js';

describe('SmallMap', () => {
  const contents = (map: ReadonlyMap<unknown, unknown>): unknown =>
    [map.size, [...map], [...map.keys()], [...map.values()], [...map.entries()]].concat(
      ['a', 'b', 'c', NaN].map((key) => [map.has(key), map.get(key)]),
    );

  it('behaves as a Map through any sequence of operations', () => {
    // A small linear congruential generator: the same sequences in every run.
    let seed = 7;
    const next = (limit: number): number => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % limit;
    for (let round = 0; round < 200; round++) {
      const stock = new Map<unknown, number>(round % 2 ? [['a', 0]] : []);
      const small = new SmallMap<unknown, number>(stock);
      for (let step = 0; step < 12; step++) {
        const key = ['a', 'b', 'c', NaN][next(4)];
        const action = next(8);
        if (action === 0) {
          stock.clear();
          small.clear();
        } else if (action < 4) {
          expect(small.delete(key)).toBe(stock.delete(key));
        } else {
          stock.set(key, step);
          expect(small.set(key, step)).toBe(small);
        }
        expect(contents(small)).toEqual(contents(stock));
      }
    }
  });

  it('passes value, key and itself to forEach', () => {
    const small = new SmallMap(new Map([['a', 1]]));
    const seen: unknown[] = [];
    small.forEach(function (this: unknown, ...args) {
      seen.push(this, ...args);
    }, 'receiver');
    expect(seen).toEqual(['receiver', 1, 'a', small]);
  });

  it('lets entries be removed while its values are walked', () => {
    const small = new SmallMap(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
    const seen: number[] = [];
    for (const value of small.values()) {
      seen.push(value);
      small.delete('a');
      small.delete('b');
    }
    expect(seen).toEqual([1]);
    const one = new SmallMap(new Map([['a', 1]]));
    for (const value of one.values()) {
      seen.push(value);
      one.clear();
    }
    expect(seen).toEqual([1, 1]);
  });
});
