/** Something that entered a list at a known place and may have left it. */
export interface Ordered {
  /** Rises with every entry of the list; 0 before the first. */
  order: number;
  gone: boolean;
}

/** Entries that left are swept once they are more than half of the list and more than this many. */
const SWEEP_THRESHOLD = 64;

/**
 * A list in order of arrival that can be walked from any place.
 *
 * What is present during a whole walk is returned exactly once, whoever comes and goes meanwhile: newcomers go to
 * the end, leavers only leave a gap. A page costs what it returns plus a binary search. [R1] [R3]
 */
export class OrderedLog<T extends Ordered> {
  private items: (T | Ordered)[] = [];
  private lastOrder = 0;
  private goneCount = 0;

  get size(): number {
    return this.items.length - this.goneCount;
  }

  /** The place of the newest entry that there has been; 0 before the first. */
  get newest(): number {
    return this.lastOrder;
  }

  add(item: T): void {
    item.order = ++this.lastOrder;
    item.gone = false;
    this.items.push(item);
  }

  /** The item must be in this list. */
  remove(item: T): void {
    if (item.gone) return;
    item.gone = true;
    this.goneCount++;
    // Only its place is kept: what left must not be held in memory until the next sweep.
    const index = firstAfter(this.items, item.order - 1);
    if (this.items[index] === item) this.items[index] = { order: item.order, gone: true };
    if (this.goneCount > SWEEP_THRESHOLD && this.goneCount * 2 > this.items.length) {
      this.items = this.items.filter((each) => !each.gone);
      this.goneCount = 0;
    }
  }

  /** What entered after `order` and is still there, oldest first. */
  *after(order: number): Generator<T> {
    // A sweep during the walk replaces the array; the walk goes on in the old one, whose entries say if they left.
    const items = this.items;
    for (let index = firstAfter(items, order); index < items.length; index++) {
      const item = items[index]!;
      // What is not gone is an entry, never a kept place.
      if (!item.gone) yield item as T;
    }
  }
}

function firstAfter(items: readonly Ordered[], order: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items[middle]!.order <= order) low = middle + 1;
    else high = middle;
  }
  return low;
}
