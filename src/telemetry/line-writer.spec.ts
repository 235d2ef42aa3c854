import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { LineWriter, MAX_WAIT_MS } from './line-writer.js';

/** Resolves when a timer of the writer's that was set before has run. */
const waitIsOver = (): Promise<void> => delay(MAX_WAIT_MS);

/** Keeps what is written, or fails as a pipe does whose reader has gone. */
class FakeOutput extends Writable {
  readonly writes: string[] = [];

  constructor(private readonly failure?: Error) {
    super({ decodeStrings: false, autoDestroy: false });
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: (failure?: Error) => void): void {
    this.writes.push(chunk);
    done(this.failure);
  }
}

/** A pipe whose reader takes nothing until it is told to. */
class StalledOutput extends Writable {
  readonly writes: string[] = [];
  private readonly waiting: (() => void)[] = [];
  private isStalled = true;

  constructor() {
    super({ decodeStrings: false });
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    this.writes.push(chunk);
    if (this.isStalled) this.waiting.push(done);
    else done();
  }

  goOn(): void {
    this.isStalled = false;
    for (const done of this.waiting.splice(0)) done();
  }
}

describe('the writer of log lines', () => {
  it('[L6] keeps a bounded amount for a reader that has stalled, and says how many lines it dropped', async () => {
    const output = new StalledOutput();
    const writer = new LineWriter(output, (count) => `dropped ${count}\n`);
    const line = `${'x'.repeat(99_999)}\n`;
    for (let written = 0; written < 1_000; written++) writer.write(line);
    expect(output.writableLength).toBeLessThan(10_000_000);
    output.goOn();
    await waitIsOver();
    writer.write('the next\n');
    await waitIsOver();
    await waitIsOver();
    const text = output.writes.join('');
    const kept = text.split(line).length - 1;
    expect(text.endsWith(`dropped ${1_000 - kept}\nthe next\n`)).toBe(true);
    expect(kept).toBeGreaterThan(50);
  });

  it('[L6] writes lines that come within a moment together, in order', async () => {
    const output = new FakeOutput();
    const writer = new LineWriter(output);
    writer.write('one\n');
    writer.write('two\n');
    expect(output.writes).toEqual([]);
    await waitIsOver();
    expect(output.writes).toEqual(['one\ntwo\n']);
  });

  it('[L6] does not keep much back', () => {
    const output = new FakeOutput();
    const writer = new LineWriter(output);
    const line = `${'x'.repeat(70_000)}\n`;
    writer.write(line);
    expect(output.writes).toEqual([line]);
  });

  // An error event that nobody hears is an uncaught exception, which is logged, which fails again: a busy loop.
  it('[L4] survives that nobody reads the log any longer', async () => {
    const output = new FakeOutput(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    const writer = new LineWriter(output);
    writer.write('lost\n');
    await waitIsOver();
    await waitIsOver();
    expect(output.errored).toMatchObject({ code: 'EPIPE' });
  });
});
