/** One of the heaviest. */
export interface HeavyHitter {
  readonly name: string;
  readonly count: number;
  readonly error: number;
}

/**
 * The heaviest names of a stream, in a sketch of fixed size: Space-Saving. [X5]
 *
 * A name that stands for more than one in {@link PLACES} of all is in it for certain; a name that is new takes the place of
 * the lightest.
 *
 * @see Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements in Data Streams (2005)
 */
export class HeavyHitters {
  private readonly placeOf = new Map<string, number>();
  /** By place, as the two lists of numbers are: looking for the lightest touches nothing but its count. */
  private readonly names: string[] = [];
  private readonly counts: number[] = [];
  /** What the name that had the place before was counted with: the count is too high by so much at the most. */
  private readonly errors: number[] = [];

  constructor(private readonly places = PLACES) {}

  add(name: string, count = 1): void {
    const known = this.placeOf.get(name);
    if (known !== undefined) this.counts[known]! += count;
    else if (this.names.length < this.places) this.put(this.names.length, name, count, 0);
    else {
      const place = this.lightest();
      this.placeOf.delete(this.names[place]!);
      const least = this.counts[place]!;
      this.put(place, name, least + count, least);
    }
  }

  /** Heaviest first. */
  top(most = PLACES): HeavyHitter[] {
    return this.names
      .map((name, place) => ({ name, count: this.counts[place]!, error: this.errors[place]! }))
      .toSorted((one, other) => other.count - one.count || (one.name < other.name ? -1 : 1))
      .slice(0, most);
  }

  private put(place: number, name: string, count: number, error: number): void {
    this.placeOf.set(name, place);
    this.names[place] = name;
    this.counts[place] = count;
    this.errors[place] = error;
  }

  private lightest(): number {
    const { counts } = this;
    let place = 0;
    for (let other = 1; other < counts.length; other++) if (counts[other]! < counts[place]!) place = other;
    return place;
  }
}

/** Few enough to be looked through for each name that is new. */
const PLACES = 64;

/** The sum of sketches of several nodes. */
export function mergeTop(lists: readonly (readonly HeavyHitter[])[], most: number): HeavyHitter[] {
  const merged = new Map<string, HeavyHitter>();
  for (const { name, count, error } of lists.flat()) {
    const known = merged.get(name);
    merged.set(name, {
      name,
      count: count + (known?.count ?? 0),
      error: error + (known?.error ?? 0),
    });
  }
  return [...merged.values()]
    .toSorted((one, other) => other.count - one.count || (one.name < other.name ? -1 : 1))
    .slice(0, most);
}
