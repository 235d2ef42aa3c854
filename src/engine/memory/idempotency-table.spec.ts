import { IDEMPOTENCY_WINDOW_MS } from '../idempotency.js';
import { Deadlines } from '../../timers/deadlines.js';
import { IdempotencyTable } from './idempotency-table.js';

describe('idempotency table', () => {
  let now = 0;
  let deadlines: Deadlines;

  beforeEach(() => {
    now = 0;
    deadlines = new Deadlines(() => now);
  });

  afterEach(() => deadlines.stop());

  const respond = async (table: IdempotencyTable, key: string, response: string) => {
    const turn = await table.begin(key, 'a');
    if (turn.state === 'first') await turn.settle(response);
    return turn.state;
  };

  it('[D7] remembers no more keys than it may; the oldest go first', async () => {
    const table = new IdempotencyTable(deadlines, { keys: 100, bytes: 1_000_000 });
    for (let key = 0; key <= 100; key++) await respond(table, String(key), 'done');
    expect(table.size).toBeLessThanOrEqual(100);
    expect(await respond(table, '100', 'again')).toBe('repeated');
    expect(await respond(table, '0', 'again')).toBe('first');
  });

  it('[D7] remembers no more text than it may, and always the newest response that fits', async () => {
    const table = new IdempotencyTable(deadlines, { keys: 100, bytes: 10_000 });
    for (let key = 0; key < 50; key++) {
      await respond(table, String(key), 'x'.repeat(1_000));
      expect(table.bytes).toBeLessThanOrEqual(10_000);
      expect(await respond(table, String(key), 'again')).toBe('repeated');
    }
  });

  it('[M8] one user pushes out none of what is remembered of others', async () => {
    const ownerOf = (key: string): string => key.slice(0, key.indexOf(' '));
    for (const limits of [
      { keys: 100, bytes: 1_000_000 },
      { keys: 1_000, bytes: 40_000 },
    ]) {
      const table = new IdempotencyTable(deadlines, limits, ownerOf);
      for (const user of ['ada', 'bob', 'cem']) {
        for (let key = 0; key < 5; key++) await respond(table, `${user} ${key}`, 'done');
      }
      for (let key = 0; key < 1_000; key++) await respond(table, `eve ${key}`, 'done');
      expect(table.size).toBeLessThanOrEqual(limits.keys);
      expect(table.bytes).toBeLessThanOrEqual(limits.bytes);
      for (const user of ['ada', 'bob', 'cem']) {
        for (let key = 0; key < 5; key++)
          expect(await respond(table, `${user} ${key}`, 'again')).toBe('repeated');
      }
      expect(await respond(table, 'eve 999', 'again')).toBe('repeated');
      expect(await respond(table, 'eve 0', 'again')).toBe('first');
    }
  });

  it('[D7] holds nothing any longer when the window of every key is over', async () => {
    const table = new IdempotencyTable(deadlines);
    for (const key of ['a', 'b', 'c']) {
      await respond(table, key, 'done');
      now += 1_000;
    }
    now = IDEMPOTENCY_WINDOW_MS + 1_000;
    deadlines.runDue();
    expect(table.size).toBe(1);
    now += 2_000;
    deadlines.runDue();
    expect([table.size, table.bytes]).toEqual([0, 0]);
  });
});
