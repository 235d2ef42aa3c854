import { jest } from '@jest/globals';
import { ServerResponse, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Trace, TraceLine } from '../backend/explainer.js';
import { ENDS_AFTER_MS, TraceStream } from './trace-stream.js';

/** A trace that a test fills, and whether it was closed. */
class FilledTrace implements Trace {
  lines: TraceLine[] = [];
  isClosed = false;

  take(): readonly TraceLine[] {
    return this.lines.splice(0);
  }

  close(): void {
    this.isClosed = true;
  }
}

describe('the stream of a trace', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  /** `isTaken`: whether what is written leaves at once. */
  const begin = (isTaken = true) => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const written: string[] = [];
    response.write = (chunk: unknown): boolean => {
      written.push(String(chunk));
      return isTaken;
    };
    const trace = new FilledTrace();
    const stream = new TraceStream(response);
    stream.begin(trace);
    return { response, written, trace, stream };
  };

  it('[X6] ends after ten minutes, and says so', () => {
    const { response, written, trace } = begin();
    jest.advanceTimersByTime(ENDS_AFTER_MS - 1);
    expect([trace.isClosed, response.writableEnded]).toEqual([false, false]);
    jest.advanceTimersByTime(1);
    expect(written.at(-1)).toBe('data: {"type":"over"}\n\n');
    expect([trace.isClosed, response.writableEnded]).toEqual([true, true]);
    expect(ENDS_AFTER_MS).toBe(10 * 60 * 1_000);
  });

  it('[X6] takes nothing for a reader that does not read, and goes on when it does', () => {
    const { response, written, trace, stream } = begin(false);
    trace.lines.push({ type: 'connect' });
    stream.wake();
    jest.advanceTimersByTime(1_000);
    const before = written.length;
    trace.lines.push({ type: 'join' });
    stream.wake();
    jest.advanceTimersByTime(60_000);
    expect(written).toHaveLength(before);
    response.emit('drain');
    jest.advanceTimersByTime(1_000);
    expect(written.slice(before).join('')).toContain('"type":"join"');
  });

  it('[X6] says nothing after its reader has gone', () => {
    const { written, trace, stream } = begin();
    stream.end();
    const before = written.length;
    trace.lines.push({ type: 'connect' });
    stream.wake();
    jest.advanceTimersByTime(ENDS_AFTER_MS);
    expect(written).toHaveLength(before);
  });
});
