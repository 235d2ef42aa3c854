import { inspect } from 'node:util';
import { EntryFailure } from './entry-failure.js';

const thrownBy = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (failure) {
    return failure;
  }
};

describe('what is told of an entry that failed', () => {
  it('[E3] is its kind, the kind of failure and where, but nothing that was published', () => {
    const failure = thrownBy(() => {
      return JSON.parse('my secret');
    });
    expect(String(failure)).toContain('secret');
    const told = inspect(new EntryFailure('presence', failure), { depth: 20 });
    expect(told).toMatch(/an entry of kind "presence" failed with SyntaxError\n +at JSON\.parse/);
    expect(told).toContain('entry-failure.spec');
    expect(told).not.toContain('secret');
    const inLines = new EntryFailure('presence', new Error('one\n    at secret'));
    expect(inspect(inLines)).not.toContain('secret');
  });

  it('[E3] is less where somebody throws what is no error, or has changed what it says', () => {
    const changed = new Error('secret');
    changed.message = 'other';
    for (const failure of [changed, 'secret', { secret: 1 }, undefined]) {
      expect(inspect(new EntryFailure('command', failure))).not.toContain('secret');
    }
  });
});
