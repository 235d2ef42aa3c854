import type { Writable } from 'node:stream';

/** More than this is written without waiting. */
const MAX_PENDING_LENGTH = 65_536;

/** How long a line may wait for others to be written with it. */
export const MAX_WAIT_MS = 20;

/**
 * Writes lines together, at most 20 ms after the first of them and in any case before the process ends.
 *
 * A write to a file or pipe is a system call that the process waits for; with thousands of sockets coming in at once,
 * one per line would cost more than the rest of the handshake.
 */
export class LineWriter {
  private pending = '';
  private scheduled = false;

  constructor(private readonly stream: Writable) {
    process.on('exit', () => this.flush());
    // Whoever read the log has gone, or the disk is full. Nobody can be told: logging it would fail again, for ever.
    stream.on('error', () => {});
  }

  write(line: string): void {
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
    if (this.pending === '') return;
    const lines = this.pending;
    this.pending = '';
    this.stream.write(lines);
  }
}
