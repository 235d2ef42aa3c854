import type { Writable } from 'node:stream';

/** More than this is written without waiting. */
const MAX_PENDING_LENGTH = 65_536;

/** What may wait for a reader that has stalled, in characters. */
const MAX_UNREAD_LENGTH = 8_388_608;

/** How long a line may wait for others to be written with it. */
export const MAX_WAIT_MS = 20;

/**
 * Writes lines together, at most 20 ms after the first of them and in any case before the process ends.
 *
 * A write to a file or pipe is a system call that the process waits for; with thousands of sockets coming in at once,
 * one per line would cost more than the rest of the handshake.
 *
 * A reader that stalls costs a bounded amount of memory: lines beyond it are dropped, and how many is said as soon as the
 * reader goes on.
 */
export class LineWriter {
  private pending = '';
  private scheduled = false;
  private droppedLines = 0;

  /** @param droppedLine says in a line of its own that so many were dropped */
  constructor(
    private readonly stream: Writable,
    private readonly droppedLine: (count: number) => string = (count) => `${count} log lines were dropped\n`,
  ) {
    process.on('exit', () => this.flush());
    // Whoever read the log has gone, or the disk is full. Nobody can be told: logging it would fail again, for ever.
    stream.on('error', () => {});
    stream.on('drain', () => this.flush());
  }

  write(line: string): void {
    if (this.stream.writableLength + this.pending.length > MAX_UNREAD_LENGTH) {
      this.droppedLines++;
      return;
    }
    if (this.droppedLines > 0) this.tellDropped();
    this.pending += line;
    if (this.pending.length > MAX_PENDING_LENGTH) {
      this.flush();
    } else if (!this.scheduled) {
      this.scheduled = true;
      setTimeout(() => this.flush(), MAX_WAIT_MS).unref();
    }
  }

  flush(): void {
    this.scheduled = false;
    if (this.droppedLines > 0 && this.stream.writableLength < MAX_UNREAD_LENGTH) this.tellDropped();
    if (this.pending === '') return;
    const lines = this.pending;
    this.pending = '';
    this.stream.write(lines);
  }

  private tellDropped(): void {
    this.pending += this.droppedLine(this.droppedLines);
    this.droppedLines = 0;
  }
}
