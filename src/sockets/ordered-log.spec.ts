import fc from 'fast-check';
import { OrderedLog, type Ordered } from './ordered-log.js';

interface Entry extends Ordered {
  readonly name: number;
}

const entry = (name: number): Entry => ({ name, order: 0, gone: false });
const names = (entries: Iterable<Entry>): number[] => [...entries].map(({ name }) => name);

/** Adds so many, or removes the one at a place, or walks from a place. */
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 4, arbitrary: fc.record({ remove: fc.nat(), count: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ after: fc.nat(400) }) },
);

describe('OrderedLog', () => {
  it('[R3] holds what a plain list holds, in the same order, whatever is added and removed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const log = new OrderedLog<Entry>();
        const model: Entry[] = [];
        let lastName = 0;
        for (const each of steps) {
          if ('add' in each) {
            for (let count = 0; count < each.add; count++) {
              const added = entry(++lastName);
              log.add(added);
              model.push(added);
            }
          } else if ('remove' in each) {
            for (let count = 0; count < each.count && model.length > 0; count++) {
              const [removed] = model.splice(each.remove % model.length, 1);
              log.remove(removed!);
              log.remove(removed!);
            }
          } else {
            expect(names(log.after(each.after))).toEqual(
              names(model.filter(({ order }) => order > each.after)),
            );
          }
          expect(log.size).toBe(model.length);
        }
        expect(names(log.after(0))).toEqual(names(model));
      }),
    );
  });

  it('[R3] pages of any size return what stays exactly once while others come and go', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.record({ come: fc.nat(5), go: fc.nat(60) }), { maxLength: 100 }),
        fc.integer({ min: 2, max: 9 }),
        (size, limit, churn, share) => {
          const log = new OrderedLog<Entry>();
          const all = Array.from({ length: size }, (_, index) => entry(index));
          for (const each of all) log.add(each);
          const staying = all.filter(({ name }) => name % share === 0);
          const leaving = all.filter(({ name }) => name % share !== 0);
          const seen: number[] = [];
          let place = 0;
          for (let page = 0; ; page++) {
            const items: Entry[] = [];
            for (const each of log.after(place)) {
              if (items.push(each) === limit) break;
            }
            if (items.length === 0) break;
            seen.push(...names(items));
            place = items.at(-1)!.order;
            const { come = 0, go = 0 } = churn[page] ?? {};
            for (let count = 0; count < come; count++) {
              const guest = entry(1_000_000 + page);
              log.add(guest);
              leaving.push(guest);
            }
            for (const gone of leaving.splice(0, go)) log.remove(gone);
          }
          const residents = seen.filter((name) => name < size && name % share === 0);
          expect(residents).toEqual(names(staying));
          expect(new Set(seen.filter((name) => name < size)).size).toBe(
            seen.filter((name) => name < size).length,
          );
        },
      ),
    );
  });

  it('a walk that is under way survives a sweep, and leaves out who left meanwhile', () => {
    const log = new OrderedLog<Entry>();
    const all = Array.from({ length: 200 }, (_, index) => entry(index));
    for (const each of all) log.add(each);
    const walk = log.after(0);
    expect(walk.next().value).toBe(all[0]);
    for (const each of all.slice(0, 150)) log.remove(each);
    expect(names(walk)).toEqual(names(all.slice(150)));
    expect(log.size).toBe(50);
  });

  it('memory is given back: entries that left are not kept for long', () => {
    const log = new OrderedLog<Entry>();
    for (let count = 0; count < 10_000; count++) {
      const visitor = entry(count);
      log.add(visitor);
      log.remove(visitor);
    }
    const { items } = log as unknown as { items: readonly Entry[] };
    expect(log.size).toBe(0);
    expect(items.length).toBeLessThan(200);
  });
});
