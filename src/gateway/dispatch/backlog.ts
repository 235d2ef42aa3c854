/** What a client may have saved up while it was offline. */
const MAX_EVENTS = 5_000;
const MAX_CHARACTERS = 262_144;

/** Looked at again when what is being handled takes its time. */
const BUSY_MS = 100;

/** What a backlog holds. */
export interface Postponed {
  readonly event: readonly unknown[];
}

/** How its events leave a backlog. */
export interface BacklogOutlet<Item> {
  /** Takes from the rate: 0 when the next event may be handled now, else the milliseconds to wait. */
  readonly take: () => number;
  readonly isFull: () => boolean;
  readonly handle: (item: Item) => void;
  /** Nothing is left. */
  readonly emptied: () => void;
}

/** Events of a client that came back, handled as fast as its rate allows, in order. */
export class Backlog<Item extends Postponed> {
  private items: Item[] = [];
  private next = 0;
  private characters = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly outlet: BacklogOutlet<Item>) {}

  /** False when there is no room. */
  add(item: Item): boolean {
    const size = sizeOf(item.event);
    if (this.items.length - this.next >= MAX_EVENTS || this.characters + size > MAX_CHARACTERS) return false;
    this.characters += size;
    this.items.push(item);
    this.timer ??= setTimeout(this.work, 0).unref();
    return true;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.items = [];
    this.next = 0;
  }

  private readonly work = (): void => {
    this.timer = undefined;
    while (this.next < this.items.length) {
      const waitMs = this.outlet.isFull() ? BUSY_MS : this.outlet.take();
      if (waitMs > 0) {
        this.timer = setTimeout(this.work, waitMs).unref();
        return;
      }
      const item = this.items[this.next++]!;
      this.characters -= sizeOf(item.event);
      this.outlet.handle(item);
    }
    this.outlet.emptied();
  };
}

/** About how much memory the arguments of an event take; an event came by as text once, so it can be written again. */
const sizeOf = (event: readonly unknown[]): number =>
  JSON.stringify(event, (_, value: unknown) =>
    ArrayBuffer.isView(value) ? 'x'.repeat(Math.min(value.byteLength, MAX_CHARACTERS)) : value,
  ).length;
