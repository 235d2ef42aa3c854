/** Beyond this many elements a hash set is worth its memory. */
const MAX_LISTED = 16;

const NONE: readonly string[] = [];

/**
 * The elements of a `Set`, small in memory while they are few and texts.
 *
 * Every socket has a room of its own and a set of its rooms, every user a room of its sockets: with a hash set each,
 * these would be the largest part of what an idle connection costs. An app that looks at one gets a `Set` instead: see
 * `MembershipMap`.
 */
export class SmallSet {
  /** A lone element, the rule, stands here by itself. */
  private elements: string | readonly string[] | Set<unknown> = NONE;

  get size(): number {
    if (typeof this.elements === 'string') return 1;
    return Array.isArray(this.elements) ? this.elements.length : (this.elements as Set<unknown>).size;
  }

  has(element: unknown): boolean {
    const { elements } = this;
    if (typeof elements === 'string') return elements === element;
    return Array.isArray(elements) ? elements.includes(element) : (elements as Set<unknown>).has(element);
  }

  add(element: unknown): this {
    const { elements } = this;
    if (elements instanceof Set) {
      elements.add(element);
    } else if (typeof element !== 'string') {
      this.elements = new Set<unknown>(this).add(element);
    } else if (typeof elements === 'string') {
      if (elements !== element) this.elements = [elements, element];
    } else if (elements === NONE) {
      this.elements = element;
    } else if (!elements.includes(element)) {
      if (elements.length < MAX_LISTED) this.elements = [...elements, element];
      else this.elements = new Set<unknown>(elements).add(element);
    }
    return this;
  }

  delete(element: unknown): boolean {
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

  [Symbol.iterator](): IterableIterator<string> {
    const { elements } = this;
    return ((typeof elements === 'string' ? [elements] : elements) as Set<string>).values();
  }
}
