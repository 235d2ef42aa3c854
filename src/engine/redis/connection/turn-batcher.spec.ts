import { setImmediate } from 'node:timers/promises';
import { TurnBatcher } from './turn-batcher.js';

describe('what is changed during one turn', () => {
  const begin = (isHurried: boolean) => {
    const sent: string[][] = [];
    const answers: (() => void)[] = [];
    const run = (changes: readonly string[]): Promise<readonly string[]> => {
      sent.push([...changes]);
      return new Promise((resolve) => answers.push(() => resolve(changes)));
    };
    const batcher = new TurnBatcher<string>(run, { isHurried });
    const push = (change: string) => void batcher.push(change);
    return { sent, answers, push };
  };
  const endOfCode = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

  it('[D8] leaves together at its end', async () => {
    const { sent, push } = begin(false);
    push('a');
    await endOfCode();
    push('b');
    expect(sent).toEqual([]);
    await setImmediate();
    expect(sent).toEqual([['a', 'b']]);
  });

  it('[D4] [D8] leaves when the code that runs has ended, where that is hurried and nothing is under way', async () => {
    const { sent, answers, push } = begin(true);
    push('a');
    push('b');
    expect(sent).toEqual([]);
    await endOfCode();
    expect(sent).toEqual([['a', 'b']]);
    push('c');
    await endOfCode();
    push('d');
    await endOfCode();
    expect(sent).toEqual([['a', 'b']]);
    await setImmediate();
    expect(sent.slice(1)).toEqual([['c', 'd']]);
    for (const answer of answers) answer();
    await setImmediate();
    push('e');
    await endOfCode();
    expect(sent.slice(2)).toEqual([['e']]);
  });
});
