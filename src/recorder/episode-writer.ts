import { Logger } from '@nestjs/common';
import type { SharedFlights, StoredEpisode } from '../engine/flights.js';
import { SwitchboardError } from '../protocol/errors.js';
import { logFailure } from '../telemetry/log.js';
import type { Episode } from './episode.js';

/** Late enough that many go together, soon enough that little is lost with a node. */
const WRITE_AFTER_MS = 1_000;
const BATCH = 100;
/** Episodes that wait for shared state; the oldest go. */
const MAX_WAITING = 5_000;

/** Writes ended episodes to shared state, in batches, off the ways of sockets. [X1] */
export class EpisodeWriter {
  private readonly logger = new Logger('Recorder');
  private waiting: Episode[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;

  constructor(
    private readonly flights: () => SharedFlights | undefined,
    private readonly maxBytes: number,
  ) {}

  add(episode: Episode): void {
    if (!this.flights()) return;
    if (this.waiting.push(episode) > MAX_WAITING) this.waiting.shift();
    this.timer ??= setTimeout(() => void this.flush(), WRITE_AFTER_MS).unref();
  }

  /** Writes what waits; never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    return (this.writing ??= this.write().finally(() => (this.writing = undefined)));
  }

  private async write(): Promise<void> {
    const flights = this.flights();
    while (flights && this.waiting.length > 0) {
      const batch = this.waiting.splice(0, BATCH);
      try {
        await flights.write(batch.map(stored), this.maxBytes);
      } catch (failure) {
        this.waiting = [...batch, ...this.waiting].slice(-MAX_WAITING);
        if (!(failure instanceof SwitchboardError))
          logFailure(this.logger, 'episodes were not written', failure);
        this.timer ??= setTimeout(() => void this.flush(), 10 * WRITE_AFTER_MS).unref();
        return;
      }
    }
  }
}

/** Encoded as it is written, many together, and not while its socket ends. [X7] */
const stored = (episode: Episode): StoredEpisode => {
  const { user, address, socketId, refusal } = episode;
  const names = refusal ? { user: null, claimedUser: user } : { user, claimedUser: null };
  return { ...names, address, socketId, text: JSON.stringify(episode) };
};
