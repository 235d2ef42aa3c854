import fc from 'fast-check';
import { Writable } from 'node:stream';
import { FrameSequence } from './frame-sequence.js';

/** A stream that keeps each write: what a cork holds together arrives as one list of chunks. */
class WriteLog extends Writable {
  readonly writes: Buffer[][] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.writes.push([chunk]);
    done();
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.writes.push(chunks.map(({ chunk }) => chunk));
    done();
  }
}

const written = (sequence: FrameSequence): Buffer[][] => {
  const log = new WriteLog();
  sequence.writeTo(log);
  return log.writes;
};

const follow = (start: FrameSequence, frames: readonly Buffer[]): FrameSequence =>
  frames.reduce((sequence, frame) => sequence.followedBy(frame), start);

const frame = (text: string): Buffer => Buffer.from(text);

describe('a sequence of frames', () => {
  it('[D4] writes its frames in order, and knows their length', () => {
    const sequence = follow(new FrameSequence(), [frame('one '), frame('two '), frame('three')]);
    expect(written(sequence).flat().join('')).toBe('one two three');
    expect(sequence.byteLength).toBe(13);
  });

  it('[D8] is one write, whether short or long', () => {
    const short = follow(new FrameSequence(), [frame('a'), frame('b')]);
    expect(written(short)).toHaveLength(1);
    const long = follow(new FrameSequence(), [Buffer.alloc(20_000, 'a'), Buffer.alloc(20_000, 'b')]);
    expect(written(long)).toHaveLength(1);
  });

  it('[D8] is the same for all connections that got the same frames', () => {
    const start = new FrameSequence();
    const frames = [frame('a'), frame('b'), frame('c')];
    expect(follow(start, frames)).toBe(follow(start, frames));
    expect(follow(start, frames.slice(0, 2))).not.toBe(follow(start, frames));
  });

  it('[D4] tells frames of equal bytes apart, because they are two publications', () => {
    const start = new FrameSequence();
    expect(start.followedBy(frame('a'))).not.toBe(start.followedBy(frame('a')));
  });

  it('[D8] puts the bytes together once for all who share it', () => {
    const sequence = follow(new FrameSequence(), [frame('a'), frame('b')]);
    const [[first]] = written(sequence) as [[Buffer]];
    const [[second]] = written(sequence) as [[Buffer]];
    expect(second).toBe(first);
  });

  it('[D8] hands a single frame on as it is', () => {
    const only = Buffer.alloc(100_000, 'a');
    const [[bytes]] = written(new FrameSequence().followedBy(only)) as [[Buffer]];
    expect(bytes).toBe(only);
  });

  it('[D8] copies long bytes together only when more than one connection gets them', () => {
    const frames = [Buffer.alloc(20_000, 'a'), Buffer.alloc(20_000, 'b')];
    const alone = follow(new FrameSequence(), frames);
    alone.countUse();
    expect(written(alone)).toEqual([frames]);

    const shared = follow(new FrameSequence(), frames);
    shared.countUse();
    shared.countUse();
    expect(written(shared)).toEqual([[Buffer.concat(frames)]]);
  });

  it('[D8] copies small frames together, however many of them one connection gets alone', () => {
    const frames = Array.from({ length: 200 }, () => Buffer.alloc(200, 'a'));
    const alone = follow(new FrameSequence(), frames);
    alone.countUse();
    expect(written(alone)).toEqual([[Buffer.concat(frames)]]);
  });

  it('[D4] gives every connection what it got, however the paths part', () => {
    const frames = Array.from({ length: 6 }, (_, index) => frame(`<${index}>`));
    const paths = fc.array(fc.array(fc.nat(5), { minLength: 1, maxLength: 8 }), { maxLength: 30 });
    fc.assert(
      fc.property(paths, (walks) => {
        const start = new FrameSequence();
        const ends = walks.map((walk) =>
          follow(
            start,
            walk.map((index) => frames[index]!),
          ),
        );
        for (const [index, end] of ends.entries()) {
          const wanted = walks[index]!.map((each) => `<${each}>`).join('');
          expect(written(end).flat().join('')).toBe(wanted);
          expect(end.byteLength).toBe(wanted.length);
        }
        expect(new Set(ends).size).toBe(new Set(walks.map(String)).size);
      }),
    );
  });
});
