import { unavailable } from '../connection/client.js';

/** How long the inbox may take to come to a mark: as long as a node that is only busy takes, when a thousand come back. */
const WITHIN_MS = 5_000;

/** A place in this node's inbox. */
export interface Mark {
  /** What to put there. */
  readonly token: string;
  /**
   * Resolves when the inbox has come to it, and rejects when that takes too long. The inbox stands still there until this
   * was called: not before whoever put it there knows what Redis answered.
   */
  reached(): Promise<void>;
}

interface Waiting {
  readonly timer: NodeJS.Timeout;
  /** The inbox is there. */
  readonly comeTo: () => void;
  /** Resolves when the inbox may go on. */
  readonly awaited: Promise<void>;
  readonly letGoOn: () => void;
}

/**
 * Barriers in this node's inbox. Whoever reads something from Redis beside the inbox has a mark put into it in the same
 * step, and waits for it: what stands before was delivered by then, and what stands behind was not.
 */
export class Barriers {
  private readonly waiting = new Map<string, Waiting>();
  private lastNumber = 0;

  next(): Mark {
    const token = (++this.lastNumber).toString(36);
    let letGoOn!: () => void;
    const awaited = new Promise<void>((resolve) => (letGoOn = resolve));
    const come = new Promise<void>((comeTo, reject) => {
      const timer = setTimeout(() => {
        reject(unavailable());
        this.drop(token);
      }, WITHIN_MS);
      this.waiting.set(token, { timer, comeTo, awaited, letGoOn });
    });
    come.catch(() => undefined);
    return {
      token,
      reached: () => {
        letGoOn();
        return come;
      },
    };
  }

  /**
   * Resolves after those who waited for the mark went on: nothing behind it may be delivered before.
   *
   * The next tick comes when no promise has anything left to do. A turn of the event loop for each mark would hold the
   * inbox up: when a thousand clients come back at once there are two marks for each, and a busy node's turns are long.
   */
  reach(token: string): Promise<void> | undefined {
    const waiting = this.waiting.get(token);
    if (waiting === undefined) return undefined;
    waiting.comeTo();
    return waiting.awaited.then(() => {
      this.drop(token);
      return new Promise((resolve) => process.nextTick(resolve));
    });
  }

  /** Whatever puts the mark there; where that fails, nobody waits for it. */
  async unlessFailed<Reply>({ token }: Mark, asked: Promise<Reply>): Promise<Reply> {
    try {
      return await asked;
    } catch (failure) {
      this.drop(token);
      throw failure;
    }
  }

  /** The mark was not put there after all, or nobody waits for it any longer. */
  drop(token: string): void {
    const waiting = this.waiting.get(token);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.waiting.delete(token);
    waiting.letGoOn();
  }
}
