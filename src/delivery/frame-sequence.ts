import type { Writable } from 'node:stream';

/** Longer sequences that a single connection has are not copied together, unless their frames are small. */
const MAX_COPIED_BYTES = 16_384;

/** Bytes that are copied sooner than the system is told of one more frame. */
const SMALL_FRAME_BYTES = 4_096;

type FrameLink = Pick<FrameSequence, 'frame' | 'previous'>;

/**
 * A sequence of frames, as the last node of a path that starts at an empty one.
 *
 * All connections that got the same frames in the same order end at the same node, so the bytes are put together
 * once for all of them, and adding a frame to a connection is following one link.
 */
export class FrameSequence {
  private uses = 0;
  private joined: Buffer | undefined;
  private lastFrame: Buffer | undefined;
  private lastNext: FrameSequence | undefined;
  private others: Map<Buffer, FrameSequence> | undefined;

  constructor(
    readonly previous?: FrameSequence,
    readonly frame?: Buffer,
    readonly byteLength = 0,
  ) {}

  /** The sequence with one more frame. Frames are compared by identity. */
  followedBy(frame: Buffer): FrameSequence {
    if (this.lastFrame === frame) return this.lastNext!;
    const known = this.others?.get(frame);
    if (known) return known;
    const next = new FrameSequence(this, frame, this.byteLength + frame.byteLength);
    if (this.lastFrame) (this.others ??= new Map()).set(this.lastFrame, this.lastNext!);
    this.lastFrame = frame;
    this.lastNext = next;
    return next;
  }

  /** One more connection will be written this sequence. */
  countUse(): void {
    this.uses++;
  }

  /** One write, of shared bytes where that does not mean copying much for one connection alone. */
  writeTo(stream: Writable): void {
    if (this.uses < 2 && this.byteLength > MAX_COPIED_BYTES) {
      const frames = this.frames();
      if (this.byteLength > frames.length * SMALL_FRAME_BYTES) {
        stream.cork();
        for (const frame of frames) stream.write(frame);
        stream.uncork();
        return;
      }
    }
    stream.write((this.joined ??= this.join()));
  }

  private join(): Buffer {
    const frames = this.frames();
    return frames.length === 1 ? frames[0]! : Buffer.concat(frames, this.byteLength);
  }

  /** In their order. */
  frames(): Buffer[] {
    const frames: Buffer[] = [];
    let { frame, previous }: FrameLink = this;
    while (frame) {
      frames.push(frame);
      ({ frame, previous } = previous!);
    }
    return frames.reverse();
  }
}
