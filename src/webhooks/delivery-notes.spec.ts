import { until } from '../../test/support/until.js';
import type { AttemptRecord, Delivered } from '../engine/outbox.js';
import { DeliveryNotes, type Attempt, type NotedLane } from './delivery-notes.js';

/** An outbox that takes as long to note as the test says. */
class SlowOutbox {
  readonly notes: { delivered: readonly Delivered[]; attempts: readonly AttemptRecord[] }[] = [];
  private readonly waiting: {
    resolve: (noted: readonly boolean[]) => void;
    reject: (failure: Error) => void;
  }[] = [];

  commit(delivered: readonly Delivered[], attempts: readonly AttemptRecord[]): Promise<readonly boolean[]> {
    this.notes.push({ delivered, attempts });
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  async hasNotes(count: number): Promise<void> {
    await until(`there are ${count} notes`, () => this.notes.length === count);
  }

  take(isNoted = true): void {
    this.waiting.shift()!.resolve(this.notes.at(-1)!.delivered.map(() => isNoted));
  }

  fail(): void {
    this.waiting.shift()!.reject(new Error('gone'));
  }
}

const laneOf = (partition: number): NotedLane => ({
  endpoint: { name: 'shop' },
  epoch: 'e',
  partition,
  replays: 0,
});
const attempt = (text: string): Attempt => ({ endpoint: 'shop', write: () => text });

describe('notes of what was delivered', () => {
  let outbox: SlowOutbox;
  let notes: DeliveryNotes<NotedLane>;
  let refused: NotedLane[];
  const [one, two] = [laneOf(1), laneOf(2)];
  const noted = (index: number) => {
    const { delivered, attempts } = outbox.notes[index]!;
    return [delivered.map(({ partition, seq }) => [partition, seq]), attempts.map(({ text }) => text)];
  };

  beforeEach(() => {
    outbox = new SlowOutbox();
    refused = [];
    notes = new DeliveryNotes(outbox, (lane) => refused.push(lane));
  });

  it('[W7] what is delivered while a note is under way is noted with the next one, which comes by itself', async () => {
    notes.deliveredUpTo(one, 5);
    notes.attempted(attempt('a'));
    await outbox.hasNotes(1);
    notes.deliveredUpTo(one, 6);
    notes.deliveredUpTo(two, 3);
    notes.attempted(attempt('b'));
    outbox.take();
    await outbox.hasNotes(2);
    outbox.take();
    expect([noted(0), noted(1)]).toEqual([
      [[[1, 5]], ['a']],
      [
        [
          [1, 6],
          [2, 3],
        ],
        ['b'],
      ],
    ]);
    await until('all is noted', () => notes.isNoted(one) && notes.isNoted(two));
    expect(refused).toEqual([]);
  });

  it('[W7] what could not be noted is noted later, by itself, with the attempts', async () => {
    notes.deliveredUpTo(one, 5);
    notes.deliveredUpTo(two, 1);
    notes.attempted(attempt('a'));
    await outbox.hasNotes(1);
    notes.deliveredUpTo(one, 7);
    notes.forget(two);
    outbox.fail();
    await outbox.hasNotes(2);
    expect(noted(1)).toEqual([[[1, 7]], ['a']]);
    outbox.take();
  });

  it('[W8] a lane is noted when its own note is, whatever others deliver meanwhile', async () => {
    notes.deliveredUpTo(one, 5);
    await outbox.hasNotes(1);
    expect(notes.isNoted(one)).toBe(false);
    notes.deliveredUpTo(two, 1);
    outbox.take();
    await outbox.hasNotes(2);
    expect(notes.isNoted(one)).toBe(true);
    expect(notes.isNoted(two)).toBe(false);
    outbox.take(false);
    await until('it is refused', () => refused.length === 1);
    expect(refused).toEqual([two]);
  });

  it('[W8] the end waits for the note under way, and notes the rest once', async () => {
    notes.deliveredUpTo(one, 5);
    await outbox.hasNotes(1);
    notes.deliveredUpTo(one, 6);
    const ended = notes.end();
    outbox.take();
    await outbox.hasNotes(2);
    outbox.fail();
    await ended;
    expect(noted(1)).toEqual([[[1, 6]], []]);
  });
});
