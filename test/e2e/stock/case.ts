import type { Scene } from './worlds.js';

/** One small thing that an app does, and what it and its clients see of it. */
export interface StockCase {
  readonly title: string;
  /** Where more than one node is needed to see anything; all others run on one node too. */
  readonly needsNodes?: boolean;
  /** Where nothing depends on other nodes. */
  readonly oneNodeOnly?: boolean;
  /** Where the cursor shows that a client which recovers is given beside what it gets, as it does on stock. */
  readonly showsCursor?: boolean;
  /** The row of "Differences from stock Socket.IO and Nest" in docs/protocol.md that says why ours is another. */
  readonly differs?: string;
  run(scene: Scene): Promise<void> | void;
}

/** The same case for each of some values. */
export const each = <T>(
  values: readonly T[],
  make: (value: T, index: number) => StockCase | readonly StockCase[],
): StockCase[] => values.flatMap((value, index) => make(value, index));
