import { setImmediate } from 'node:timers/promises';
import { LookupBatcher } from './lookup-batcher.js';
import type { RunScript } from '../lua/script.js';

/** A request that Redis has been sent, to be answered by the test. */
interface Request {
  readonly args: readonly (string | number)[];
  readonly answer: (reply: unknown) => void;
  readonly fail: (failure: Error) => void;
}

describe('look-ups on their way to Redis', () => {
  let requests: Request[];
  let lookUps: LookupBatcher;

  beforeEach(() => {
    requests = [];
    const run: RunScript = (_, ...args) =>
      new Promise((answer, fail) => requests.push({ args, answer, fail }));
    lookUps = new LookupBatcher(run);
  });

  it('[R1] those of a turn go together, at its end', async () => {
    const asked = [lookUps.ask(['user', 'ann']), lookUps.ask(['sockets', 'x', '0', '5'], 5)];
    expect(requests).toHaveLength(0);
    await setImmediate();
    expect(requests.map(({ args }) => args)).toEqual([['user', 'ann', 'sockets', 'x', '0', '5']]);
    requests[0]!.answer(['["a"]', '{"b":1}']);
    expect(await Promise.all(asked)).toEqual([['a'], { b: 1 }]);
  });

  it('[R1] what several ask at once is put to Redis once, and each gets a copy of its own', async () => {
    const questions = [
      ['user', 'ann'],
      ['room', 'ann'],
      ['user', 'ann'],
      ['user', 'bob'],
      ['room', 'ann'],
    ] as const;
    const asked = Promise.all(questions.map((question) => lookUps.ask(question)));
    await setImmediate();
    expect(requests.map(({ args }) => args)).toEqual([['user', 'ann', 'room', 'ann', 'user', 'bob']]);
    requests[0]!.answer(['["a"]', '[1]', '["b"]']);
    const answers = await asked;
    expect(answers).toEqual([['a'], [1], ['a'], ['b'], [1]]);
    expect(answers[0]).not.toBe(answers[2]);
    // An answer that was given is given to nobody who asks later.
    void lookUps.ask(['user', 'ann']);
    await setImmediate();
    expect(requests).toHaveLength(2);
  });

  it('[R1] what is asked while one is under way is sent after it, also when that one failed', async () => {
    const first = lookUps.ask(['counts']);
    await setImmediate();
    const others = [lookUps.ask(['room', 'x']), lookUps.ask(['room', 'y'])];
    await setImmediate();
    expect(requests).toHaveLength(1);
    requests[0]!.fail(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    await setImmediate();
    expect(requests.map(({ args }) => args)).toEqual([['counts'], ['room', 'x', 'room', 'y']]);
    requests[1]!.answer(['1', '2']);
    expect(await Promise.all(others)).toEqual([1, 2]);
  });

  it('[R1] more than Redis should answer at once is asked bit by bit, and a large one alone', async () => {
    const weights = [5_000, 1_000, 1_000, 1, ...Array<number>(250).fill(1)];
    const asked = Promise.all(weights.map((weight, index) => lookUps.ask(['user', `u${index}`], weight)));
    for (let seen = 0, at = 0; seen < weights.length; at++) {
      await setImmediate();
      const { args, answer } = requests[at]!;
      expect(args[1]).toBe(`u${seen}`);
      answer(Array.from({ length: args.length / 2 }, (_, index) => `${seen + index}`));
      seen += args.length / 2;
      await setImmediate();
    }
    expect(await asked).toEqual(weights.map((_, index) => index));
    expect(requests.map(({ args }) => args.length / 2)).toEqual([1, 2, 200, 51]);
  });
});
