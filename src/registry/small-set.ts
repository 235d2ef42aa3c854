/** Beyond this many elements a hash set is worth its memory. */
const MAX_LISTED = 16;

/**
 * A `Set` of strings that is small in memory while it holds few elements.
 *
 * Every socket has a room of its own and a set of its rooms, every user a room of its sockets: with a hash set each,
 * these would be the largest part of what an idle connection costs.
 */
export class SmallSet implements Set<string> {
  private elements: string[] | Set<string> = [];

  get size(): number {
    return Array.isArray(this.elements) ? this.elements.length : this.elements.size;
  }

  has(element: string): boolean {
    return Array.isArray(this.elements) ? this.elements.includes(element) : this.elements.has(element);
  }

  add(element: string): this {
    if (!Array.isArray(this.elements)) {
      this.elements.add(element);
    } else if (!this.elements.includes(element)) {
      if (this.elements.length < MAX_LISTED) this.elements = [...this.elements, element];
      else this.elements = new Set(this.elements).add(element);
    }
    return this;
  }

  delete(element: string): boolean {
    if (!Array.isArray(this.elements)) return this.elements.delete(element);
    if (!this.elements.includes(element)) return false;
    // A new array, so that a walk that is under way does not skip an element.
    this.elements = this.elements.filter((each) => each !== element);
    return true;
  }

  clear(): void {
    this.elements = [];
  }

  forEach(visit: (value: string, key: string, set: Set<string>) => void, thisArg?: unknown): void {
    for (const element of this) visit.call(thisArg, element, element, this);
  }

  values(): SetIterator<string> {
    return (this.elements as Set<string>).values();
  }

  keys(): SetIterator<string> {
    return this.values();
  }

  entries(): SetIterator<[string, string]> {
    return new Set(this.elements).entries();
  }

  [Symbol.iterator](): SetIterator<string> {
    return this.values();
  }

  get [Symbol.toStringTag](): string {
    return 'SmallSet';
  }
}
