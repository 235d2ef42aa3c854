/**
 * Times that are kept with a session, which another node may read. [A11]
 *
 * They are of the steady clock of the node that wrote them. It began with the wall clock that the node had at its start,
 * right or wrong: two nodes agree only by their wall clocks.
 */
import { steadyNow } from '../../timers/steady-clock.js';

/** The steady clock that a time was read from; nodes of before this was kept leave it out. */
export interface KeptClock {
  readonly node?: string;
  /** How far it is ahead of the wall clock of its node. */
  readonly aheadMs?: number;
}

const aheadNow = (): number => Math.round(steadyNow() - Date.now());

/** The clock of this node. */
export const clockOf = (node: string): KeptClock => ({ node, aheadMs: aheadNow() });

/** A time that was kept, by the steady clock of this node. */
export function timeHere(at: number, { node, aheadMs }: KeptClock, here: string): number {
  // A step of the wall clock since then is nothing to a node that reads its own.
  if (node === here || aheadMs === undefined) return at;
  return at - aheadMs + aheadNow();
}
