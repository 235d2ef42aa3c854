import { ATTEMPTS_KEPT, type Delivered, type Outbox } from '../engine/outbox.js';

/** What is noted in one go: each event by itself would cost shared state more than the event did. */
const NOTE_EVERY_MS = 20;
/** After how long a note that failed is tried again: shared state is gone, and says by itself when it is back. */
const NOTE_AGAIN_MS = 500;

/** One try to deliver. It is written only when it is noted: most are not, where many are made. */
export interface Attempt {
  readonly endpoint: string;
  readonly write: () => string;
}

/** What a note says of a lane beside how far it has got. */
export interface NotedLane {
  readonly endpoint: { readonly name: string };
  readonly epoch: string;
  readonly partition: number;
  readonly replays: number;
}

/**
 * Notes in shared state what was delivered, a little later and together. One note is under way at a time; what is
 * delivered meanwhile is in the next one.
 *
 * What is not noted when this node dies is delivered once more by another one.
 */
export class DeliveryNotes<Of extends NotedLane> {
  private readonly delivered = new Map<Of, number>();
  /** Lanes of the note that is under way. */
  private readonly beingNoted = new Set<Of>();
  private attempts: Attempt[] = [];
  private noting: Promise<void> | undefined;
  private isEnded = false;

  /** @param refused what a lane has delivered counts no longer: the partition is another node's, or there was a replay */
  constructor(
    private readonly outbox: Pick<Outbox, 'commit'>,
    private readonly refused: (lane: Of) => void,
  ) {}

  deliveredUpTo(lane: Of, seq: number): void {
    this.delivered.set(lane, seq);
    this.noteIn(NOTE_EVERY_MS);
  }

  /** The newest of each endpoint stay: no more of them are kept. */
  attempted(attempt: Attempt): void {
    this.attempts.push(attempt);
    if (this.attempts.length > 16 * ATTEMPTS_KEPT) this.attempts = lastOfEach(this.attempts);
    this.noteIn(NOTE_EVERY_MS);
  }

  forget(lane: Of): void {
    this.delivered.delete(lane);
    this.beingNoted.delete(lane);
  }

  /** Whether everything that a lane has delivered is noted. */
  isNoted(lane: Of): boolean {
    return !this.delivered.has(lane) && !this.beingNoted.has(lane);
  }

  /** Resolves when everything is noted, or cannot be. Nothing is noted by itself after that. */
  async end(): Promise<void> {
    this.isEnded = true;
    await this.noting;
    await this.note();
  }

  private noteIn(ms: number): void {
    if (this.isEnded) return;
    this.noting ??= new Promise<void>((done) => setTimeout(done, ms).unref())
      .then(() => this.note())
      .then((isNoted) => {
        this.noting = undefined;
        const isAnyLeft = this.delivered.size + this.attempts.length > 0;
        if (isAnyLeft) this.noteIn(isNoted ? NOTE_EVERY_MS : NOTE_AGAIN_MS);
      });
  }

  /** Never rejects. Gives whether shared state has taken it. */
  private async note(): Promise<boolean> {
    const lanes = [...this.delivered];
    const attempts = lastOfEach(this.attempts);
    if (lanes.length + attempts.length === 0) return true;
    this.delivered.clear();
    this.attempts = [];
    for (const [lane] of lanes) this.beingNoted.add(lane);
    const marks = lanes.map(([{ endpoint, epoch, partition, replays }, seq]): Delivered => ({
      endpoint: endpoint.name,
      epoch,
      partition,
      seq,
      replays,
    }));
    try {
      const records = attempts.map(({ endpoint, write }) => ({ endpoint, text: write() }));
      const noted = await this.outbox.commit(marks, records);
      lanes.forEach(([lane], index) => noted[index] || this.refused(lane));
      return true;
    } catch {
      // Shared state is gone: noted later, if the partition is still this node's by then.
      for (const [lane, seq] of lanes) {
        if (this.beingNoted.has(lane) && !this.delivered.has(lane)) this.delivered.set(lane, seq);
      }
      this.attempts = lastOfEach([...attempts, ...this.attempts]);
      return false;
    } finally {
      this.beingNoted.clear();
    }
  }
}

function lastOfEach(attempts: readonly Attempt[]): Attempt[] {
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
