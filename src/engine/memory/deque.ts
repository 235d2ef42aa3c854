/**
 * A queue that can be read at any place.
 *
 * A ring in an array whose length is a power of two: adding at the end and taking from the front move nothing, so
 * trimming a history costs what it drops and not what it keeps. Takes no memory while it is empty.
 */
export class Deque<Item> {
  private slots: (Item | undefined)[] = [];
  private head = 0;
  private count = 0;

  get length(): number {
    return this.count;
  }

  /** The item at a place counted from the front, which must be inside. */
  at(index: number): Item {
    return this.slots[(this.head + index) & (this.slots.length - 1)]!;
  }

  get first(): Item | undefined {
    return this.count === 0 ? undefined : this.at(0);
  }

  push(item: Item): void {
    if (this.count === this.slots.length) this.resize(Math.max(SMALLEST, this.count * 2));
    this.slots[(this.head + this.count) & (this.slots.length - 1)] = item;
    this.count++;
  }

  shift(): Item | undefined {
    if (this.count === 0) return undefined;
    const item = this.slots[this.head];
    this.slots[this.head] = undefined;
    this.head = (this.head + 1) & (this.slots.length - 1);
    this.count--;
    if (this.count === 0) this.resize(0);
    else if (this.slots.length > SMALLEST && this.count * 4 <= this.slots.length) {
      this.resize(this.slots.length / 2);
    }
    return item;
  }

  /** Keeps only what passes, in one walk. */
  keep(passes: (item: Item) => boolean): void {
    const kept = new Deque<Item>();
    for (let index = 0; index < this.count; index++) {
      const item = this.at(index);
      if (passes(item)) kept.push(item);
    }
    this.slots = kept.slots;
    this.head = kept.head;
    this.count = kept.count;
  }

  /** The first place whose item passes, where all after it pass too; the length when none does. */
  firstPlace(passes: (item: Item) => boolean): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (passes(this.at(middle))) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** `size` is 0 or a power of two that holds everything. */
  private resize(size: number): void {
    const slots: (Item | undefined)[] = [];
    for (let index = 0; index < size; index++) slots.push(index < this.count ? this.at(index) : undefined);
    this.slots = slots;
    this.head = 0;
  }
}

/** Most logs hold few publications, so a ring starts small. */
const SMALLEST = 4;
