import { unavailable } from './connection.js';

/** How long the inbox may take to come to a mark: as long as a node that is only busy takes, when a thousand come back. */
const WITHIN_MS = 5_000;

/**
 * Marks in this node's inbox. Whoever reads something from Redis beside the inbox has a mark put into it in the same
 * step, and waits for it: what stands before was delivered by then, and what stands behind was not.
 */
export class Marks {
  private readonly waiting = new Map<string, { reach(): void; readonly timer: NodeJS.Timeout }>();
  private lastNumber = 0;

  /** @returns a token to put into the inbox, and a promise that resolves when it was read */
  next(): { readonly token: string; readonly reached: Promise<void> } {
    const token = (++this.lastNumber).toString(36);
    const reached = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(token);
        reject(unavailable());
      }, WITHIN_MS);
      this.waiting.set(token, { reach: resolve, timer });
    });
    reached.catch(() => undefined);
    return { token, reached };
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
    this.drop(token);
    waiting.reach();
    return new Promise((resolve) => process.nextTick(resolve));
  }

  /** The mark was not put there after all, or nobody waits for it any longer. */
  drop(token: string): void {
    clearTimeout(this.waiting.get(token)?.timer);
    this.waiting.delete(token);
  }
}
