import { TOP_KINDS, type TopKind, type TopMeasure } from '../backend/explain.schemas.js';
import type { PublishedBy } from '../delivery/delivery-watch.js';
import type { Publication } from '../protocol/publication.js';
import { HeavyHitters } from './heavy-hitters.js';

type Names = Partial<Readonly<Record<TopKind, string>>>;

/** Rooms of one publication that are counted. */
const MAX_ROOMS = 3;
/** Publications of one second that are all counted; above it one in so many is, for all of them. */
const COUNTED_PER_SECOND = 1_000;
const SAMPLE = 16;

/** The heaviest by each measure, since this node started. [X5] */
export class TopLists {
  readonly since = Date.now();
  private readonly lists: Partial<Record<TopMeasure, Partial<Record<TopKind, HeavyHitters>>>> = {};
  private second = 0;
  private publishedInSecond = 0;

  add(measure: TopMeasure, names: Names, count = 1): void {
    if (count === 0) return;
    for (const kind of TOP_KINDS) {
      const name = names[kind];
      if (name !== undefined) this.list(measure, kind).add(name, count);
    }
  }

  published({ at = Date.now(), to, user }: Publication, by: PublishedBy | undefined): void {
    const weight = this.weightAt(at);
    if (weight === 0) return;
    if (user !== undefined) this.list('publications', 'user').add(user, weight);
    if (by?.kind === 'key') this.list('publications', 'key').add(by.name, weight);
    if ('all' in to || !to.rooms) return;
    const rooms = this.list('publications', 'room');
    for (let index = 0; index < to.rooms.length && index < MAX_ROOMS; index++) {
      rooms.add(to.rooms[index]!, weight);
    }
  }

  list(measure: TopMeasure, kind: TopKind): HeavyHitters {
    const ofMeasure = (this.lists[measure] ??= {});
    return (ofMeasure[kind] ??= new HeavyHitters());
  }

  private weightAt(at: number): number {
    const second = Math.floor(at / 1_000);
    if (second !== this.second) {
      this.second = second;
      this.publishedInSecond = 0;
    }
    const count = ++this.publishedInSecond;
    if (count <= COUNTED_PER_SECOND) return 1;
    return count % SAMPLE === 0 ? SAMPLE : 0;
  }
}
