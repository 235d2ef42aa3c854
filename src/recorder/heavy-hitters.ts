interface Counter {
  count: number;
  /** What the name that had this place before was counted with: the count is too high by so much at the most. */
  error: number;
}

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
  private readonly counters = new Map<string, Counter>();

  constructor(private readonly places = PLACES) {}

  add(name: string, count = 1): void {
    const known = this.counters.get(name);
    if (known) {
      known.count += count;
      return;
    }
    if (this.counters.size < this.places) {
      this.counters.set(name, { count, error: 0 });
      return;
    }
    const [lightest, { count: least }] = this.lightest();
    this.counters.delete(lightest);
    this.counters.set(name, { count: least + count, error: least });
  }

  /** Heaviest first. */
  top(most = PLACES): HeavyHitter[] {
    return [...this.counters]
      .map(([name, { count, error }]) => ({ name, count, error }))
      .toSorted((one, other) => other.count - one.count || (one.name < other.name ? -1 : 1))
      .slice(0, most);
  }

  private lightest(): [string, Counter] {
    let found: [string, Counter] | undefined;
    for (const each of this.counters) if (!found || each[1].count < found[1].count) found = each;
    return found!;
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
