/** Beyond this many elements a hash set is worth its memory. */
const MAX_LISTED = 16;

const NONE: readonly string[] = [];

/**
 * A `Set` of strings that is small in memory while it holds few elements.
 *
 * Every socket has a room of its own and a set of its rooms, every user a room of its sockets: with a hash set each,
 * these would be the largest part of what an idle connection costs.
 */
export class SmallSet implements Set<string> {
  /** A lone element, the rule, stands here by itself. */
  private elements: string | readonly string[] | Set<string> = NONE;

  get size(): number {
    if (typeof this.elements === 'string') return 1;
    return Array.isArray(this.elements) ? this.elements.length : (this.elements as Set<string>).size;
  }

  has(element: string): boolean {
    const { elements } = this;
    if (typeof elements === 'string') return elements === element;
    return Array.isArray(elements) ? elements.includes(element) : (elements as Set<string>).has(element);
  }

  add(element: string): this {
    const { elements } = this;
    if (typeof elements === 'string') {
      if (elements !== element) this.elements = [elements, element];
    } else if (elements === NONE) {
      this.elements = element;
    } else if (elements instanceof Set) {
      elements.add(element);
    } else if (!elements.includes(element)) {
      if (elements.length < MAX_LISTED) this.elements = [...elements, element];
      else this.elements = new Set(elements).add(element);
    }
    return this;
  }

  delete(element: string): boolean {
    const { elements } = this;
    if (elements instanceof Set) return elements.delete(element);
    if (!this.has(element)) return false;
    // A new array, so that a walk that is under way does not skip an element.
    this.elements =
      typeof elements === 'string' || elements.length === 1
        ? NONE
        : elements.filter((each) => each !== element);
    return true;
  }

  clear(): void {
    this.elements = NONE;
  }

  forEach(visit: (value: string, key: string, set: Set<string>) => void, thisArg?: unknown): void {
    for (const element of this) visit.call(thisArg, element, element, this);
  }

  values(): SetIterator<string> {
    const { elements } = this;
    return ((typeof elements === 'string' ? [elements] : elements) as Set<string>).values();
  }

  keys(): SetIterator<string> {
    return this.values();
  }

  entries(): SetIterator<[string, string]> {
    return new Set(this).entries();
  }

  [Symbol.iterator](): SetIterator<string> {
    return this.values();
  }

  get [Symbol.toStringTag](): string {
    return 'SmallSet';
  }
}
