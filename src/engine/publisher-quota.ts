/** What one user may have kept, so that it cannot push out what the others had kept. [Q7] */

const WINDOW_MS = 60_000;
const ONE_MIB = 1_048_576;

/** The share of all that one room may take. */
export const roomShareOf = (maxBytes: number): number => Math.max(maxBytes / 4, ONE_MIB);

/**
 * What one user may have kept within a minute: less while more than half of all is used.
 *
 * The scripts of Redis count in the same way: see `countPublisher`.
 */
const quotaOf = (maxBytes: number, isTight: boolean): number =>
  isTight ? Math.max(maxBytes / 256, ONE_MIB / 4) : Math.max(maxBytes / 32, ONE_MIB);

interface Window {
  readonly endsAt: number;
  bytes: number;
  isOver: boolean;
}

/** What each user had kept within the running minute. All windows last equally long, so they end in their order. */
export class PublisherQuota {
  private readonly windows = new Map<string, Window>();

  /** @param clock milliseconds that never go back */
  constructor(
    private readonly maxBytes: number,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** For how many ms a user may have nothing more kept; 0 when it may. */
  overMs(user: string): number {
    const window = this.windows.get(user);
    if (window?.isOver !== true) return 0;
    return Math.max(Math.ceil(window.endsAt - this.clock()), 0);
  }

  /** Something of a user is kept. */
  count(user: string, bytes: number, isTight = false): void {
    const window = this.windowOf(user);
    window.bytes += bytes;
    window.isOver ||= window.bytes > quotaOf(this.maxBytes, isTight);
  }

  /** Over all nodes a user is over its quota, for so many ms. */
  block(user: string, overMs: number): void {
    if (overMs <= this.overMs(user)) return;
    this.windows.delete(user);
    this.windows.set(user, { endsAt: this.clock() + overMs, bytes: 0, isOver: true });
  }

  private windowOf(user: string): Window {
    const now = this.clock();
    const known = this.windows.get(user);
    if (known !== undefined && known.endsAt > now) return known;
    for (const [other, { endsAt }] of this.windows) {
      if (endsAt > now) break;
      this.windows.delete(other);
    }
    const window = { endsAt: now + WINDOW_MS, bytes: 0, isOver: false };
    this.windows.delete(user);
    this.windows.set(user, window);
    return window;
  }
}
