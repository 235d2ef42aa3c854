/**
 * A `Map` that is small in memory while it holds at most one entry.
 *
 * Socket.IO keeps three maps per connection that hold one entry or none for nearly all of its life; hash maps with
 * their tables would be a seventh of what an idle connection costs.
 */
export class SmallMap<K, V> implements Map<K, V> {
  private key: K | undefined = undefined;
  private value: V | undefined = undefined;
  /** Holds everything once there have been two entries; `null` while there is none at all. */
  private entriesOf: 'one' | Map<K, V> | null = null;

  constructor(entries: ReadonlyMap<K, V>) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    if (this.entriesOf === null) return 0;
    return this.entriesOf === 'one' ? 1 : this.entriesOf.size;
  }

  get(key: K): V | undefined {
    if (this.entriesOf instanceof Map) return this.entriesOf.get(key);
    return this.has(key) ? this.value : undefined;
  }

  has(key: K): boolean {
    if (this.entriesOf instanceof Map) return this.entriesOf.has(key);
    return this.entriesOf === 'one' && sameValueZero(this.key, key);
  }

  set(key: K, value: V): this {
    if (this.entriesOf instanceof Map) {
      this.entriesOf.set(key, value);
    } else if (this.entriesOf === null || this.has(key)) {
      this.key = key;
      this.value = value;
      this.entriesOf = 'one';
    } else {
      this.entriesOf = new Map([[this.key as K, this.value as V]]).set(key, value);
      this.key = this.value = undefined;
    }
    return this;
  }

  delete(key: K): boolean {
    if (this.entriesOf instanceof Map) return this.entriesOf.delete(key);
    if (!this.has(key)) return false;
    this.clear();
    return true;
  }

  clear(): void {
    // A walk that is under way goes on in the map that it walks, as it does with a stock one.
    if (this.entriesOf instanceof Map) this.entriesOf.clear();
    else this.entriesOf = null;
    this.key = this.value = undefined;
  }

  forEach(visit: (value: V, key: K, map: Map<K, V>) => void, thisArg?: unknown): void {
    for (const [key, value] of this.entries()) visit.call(thisArg, value, key, this);
  }

  entries(): MapIterator<[K, V]> {
    return this.asMap().entries();
  }

  keys(): MapIterator<K> {
    return this.asMap().keys();
  }

  values(): MapIterator<V> {
    return this.asMap().values();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return 'SmallMap';
  }

  private asMap(): Map<K, V> {
    if (this.entriesOf instanceof Map) return this.entriesOf;
    return new Map(this.entriesOf === 'one' ? [[this.key as K, this.value as V]] : []);
  }
}

/** How a map compares its keys: NaN is one. */
const sameValueZero = (a: unknown, b: unknown): boolean => a === b || (a !== a && b !== b);
