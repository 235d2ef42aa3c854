import { ATTEMPTS_KEPT, type AttemptRecord, type Delivered, type Outbox } from '../engine/outbox.js';
import type { Lane } from './lane.js';

/** What is noted in one go: each event by itself would cost shared state more than the event did. */
const NOTE_EVERY_MS = 20;

/**
 * Notes in shared state what was delivered, a little later and together.
 *
 * What is not noted when this node dies is delivered once more by another one.
 */
export class DeliveryNotes {
  private readonly delivered = new Map<Lane, number>();
  private attempts: AttemptRecord[] = [];
  private noting: Promise<void> | undefined;

  /** @param refused what a lane has delivered counts no longer: the partition is another node's, or there was a replay */
  constructor(
    private readonly outbox: Outbox,
    private readonly refused: (lane: Lane) => void,
  ) {}

  deliveredUpTo(lane: Lane, seq: number): void {
    this.delivered.set(lane, seq);
    this.noteSoon();
  }

  /** The newest of each endpoint stay: no more of them are kept. */
  attempted(record: AttemptRecord): void {
    this.attempts.push(record);
    if (this.attempts.length > 16 * ATTEMPTS_KEPT) this.attempts = lastOfEach(this.attempts);
    this.noteSoon();
  }

  forget(lane: Lane): void {
    this.delivered.delete(lane);
  }

  /** Whether everything that a lane has delivered is noted. */
  isNoted(lane: Lane): boolean {
    return !this.delivered.has(lane) && this.noting === undefined;
  }

  /** Resolves when what was delivered before is noted, or cannot be. */
  async flush(): Promise<void> {
    await this.noting;
    await this.note();
  }

  private noteSoon(): void {
    this.noting ??= new Promise<void>((done) => setTimeout(done, NOTE_EVERY_MS).unref())
      .then(() => this.note())
      .finally(() => (this.noting = undefined));
  }

  private async note(): Promise<void> {
    const lanes = [...this.delivered];
    const attempts = lastOfEach(this.attempts);
    if (lanes.length + attempts.length === 0) return;
    this.delivered.clear();
    this.attempts = [];
    const marks = lanes.map(([{ endpoint, partition, replays }, seq]): Delivered => ({
      endpoint: endpoint.name,
      partition,
      seq,
      replays,
    }));
    try {
      const noted = await this.outbox.commit(marks, attempts);
      lanes.forEach(([lane], index) => noted[index] || this.refused(lane));
    } catch {
      // Shared state is gone: noted with what comes next, if the partition is still this node's by then.
      for (const [lane, seq] of lanes) if (!this.delivered.has(lane)) this.delivered.set(lane, seq);
    }
  }
}

function lastOfEach(attempts: readonly AttemptRecord[]): AttemptRecord[] {
  const counts = new Map<string, number>();
  return attempts
    .toReversed()
    .filter(({ endpoint }) => {
      const count = (counts.get(endpoint) ?? 0) + 1;
      counts.set(endpoint, count);
      return count <= ATTEMPTS_KEPT;
    })
    .toReversed();
}
