import type { FrameSequence } from './frame-sequence.js';

/**
 * Connections that have collected the same frames in this turn and are given the next ones together: one step for each
 * frame, however many connections there are.
 *
 * A connection leaves its cohort with anything that it is given alone, and when what it has collected is sent. Its own
 * frames then go on from those that it had with the others.
 */
export class Cohort<Member> {
  /** How many frames were added. */
  frames = 0;
  /** Places of those that have left since this was last asked. */
  private left: number[] = [];

  constructor(
    /** Connections by their places, those that have left included. */
    readonly members: readonly Member[],
    /** The frames that each has collected that is still in it. */
    public tail: FrameSequence,
  ) {}

  add(frame: Buffer): void {
    this.frames++;
    this.tail = this.tail.followedBy(frame);
  }

  leave(place: number): void {
    this.left.push(place);
  }

  /** The places of those that have left since the last call, in the order in which they left. */
  takeLeft(): readonly number[] {
    if (this.left.length === 0) return NONE;
    const { left } = this;
    this.left = [];
    return left;
  }
}

const NONE: readonly number[] = [];
