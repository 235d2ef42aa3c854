import { setImmediate as nextTurn } from 'node:timers/promises';
import { TurnBudget } from './turn-budget.js';

/** An inbox with so many events. */
class Events {
  constructor(
    private readonly name: string,
    private left: number,
    private readonly budget: TurnBudget,
    private readonly handled: string[],
  ) {}

  handle(): void {
    if (this.left > 0 && this.budget.take(this)) this.goOn();
  }

  goOn(): void {
    this.left--;
    this.handled.push(this.name);
    this.handle();
  }
}

describe('the budget of a turn', () => {
  let budget: TurnBudget;
  let handled: string[];
  let failures: unknown[];
  const come = (name: string, count = 1): void => new Events(name, count, budget, handled).handle();
  beforeEach(() => {
    failures = [];
    budget = new TurnBudget((failure) => failures.push(failure));
    handled = [];
  });

  it('puts nothing off while few come, turn after turn', async () => {
    for (let turn = 1; turn <= 10; turn++) {
      for (let n = 0; n < 100; n++) come(`${turn}`);
      expect(handled).toHaveLength(turn * 100);
      await nextTurn();
    }
  });

  it('puts off what is too much for a turn, and takes it in its order in the next ones', async () => {
    const names = Array.from({ length: 1_000 }, (_, n) => `${n}`);
    for (const name of names) come(name);
    const perTurn = [handled.length];
    while (handled.length < names.length) {
      const before = handled.length;
      await nextTurn();
      perTurn.push(handled.length - before);
    }
    expect(handled).toEqual(names);
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(256);
    expect(perTurn.length).toBeLessThan(10);
  });

  it('puts what comes later behind what waits', async () => {
    for (let n = 0; n < 300; n++) come('first');
    await Promise.resolve();
    come('last');
    while (!handled.includes('last')) await nextTurn();
    expect(handled.indexOf('last')).toBe(300);
  });

  it('gives those that wait a turn each, however many events one of them has', async () => {
    come('many', 1_000);
    come('few');
    while (!handled.includes('few')) await nextTurn();
    expect(handled.indexOf('few')).toBeLessThanOrEqual(258);
    while (handled.length < 1_001) await nextTurn();
  });

  it('goes on behind an inbox that fails', async () => {
    for (let n = 0; n < 300; n++) come('before');
    const failing = {
      goOn: () => {
        throw new Error('broken');
      },
    };
    expect(budget.take(failing)).toBe(false);
    come('behind');
    while (!handled.includes('behind')) await nextTurn();
    expect(failures).toEqual([new Error('broken')]);
  });

  it('starts anew when all that waited are done', async () => {
    for (let n = 0; n < 300; n++) come('before');
    while (handled.length < 300) await nextTurn();
    await nextTurn();
    for (let n = 0; n < 100; n++) come('after');
    expect(handled).toHaveLength(400);
  });
});
