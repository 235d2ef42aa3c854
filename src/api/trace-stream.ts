import type { ServerResponse } from 'node:http';
import type { Trace } from '../backend/explainer.js';

/** A trace ends by itself: one that is forgotten costs nothing for ever. [X6] */
export const ENDS_AFTER_MS = 600_000;
/** Proxies close what is silent. */
const BEAT_MS = 15_000;
/** Lines of a burst go together. */
const GATHER_MS = 50;

/** Writes a trace to its reader; a reader that does not read is not written to. */
export class TraceStream {
  private trace: Trace | undefined;
  private timers: NodeJS.Timeout[] = [];
  private gathering: NodeJS.Timeout | undefined;
  private isBlocked = false;

  constructor(private readonly response: ServerResponse) {}

  begin(trace: Trace): void {
    this.trace = trace;
    const { response } = this;
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
    response.write(': the trace has begun\n\n');
    response.on('drain', () => {
      this.isBlocked = false;
      this.wake();
    });
    this.timers = [
      setInterval(() => !this.isBlocked && this.write(': \n\n'), BEAT_MS).unref(),
      setTimeout(() => {
        this.write('data: {"type":"over"}\n\n');
        this.end();
      }, ENDS_AFTER_MS).unref(),
    ];
    // Lines may have come before.
    this.wake();
  }

  readonly wake = (): void => {
    this.gathering ??= setTimeout(() => {
      this.gathering = undefined;
      this.send();
    }, GATHER_MS).unref();
  };

  readonly end = (): void => {
    this.trace?.close();
    this.trace = undefined;
    for (const timer of this.timers) clearTimeout(timer);
    clearTimeout(this.gathering);
    this.response.end();
  };

  private send(): void {
    if (!this.trace || this.isBlocked) return;
    const lines = this.trace.take();
    if (lines.length > 0) this.write(lines.map((line) => `data: ${JSON.stringify(line)}\n\n`).join(''));
  }

  private write(text: string): void {
    if (this.response.writable) this.isBlocked = !this.response.write(text);
  }
}
