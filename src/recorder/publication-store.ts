import type { DeliveryException, PublishedBy } from '../delivery/delivery-watch.js';
import type { Publication, Selection, Target } from '../protocol/publication.js';
import type { Author, Delivered, PublicationStory } from './publication-story.js';

/** How long publications are remembered. [X3] */
export const REMEMBERED_MS = 600_000;

/** What one publication costs: its places in the lists below, and the texts that they hold on to. */
const STORY_BYTES = 384;
const EXCEPTION_BYTES = 96;

/** Names of a target that are kept. */
const MAX_NAMES = 100;
/** Exceptions of one publication that are told. */
const MAX_EXCEPTIONS = 200;

interface Exception extends Delivered {
  readonly id: string;
}

/**
 * Publications of the last ten minutes, in rings of fixed size: one publication costs the same however many sockets it
 * is for, and what happened at single sockets stands in a ring of its own. [X3]
 *
 * Nothing is looked up while publications go out: who asks for one looks through the ring, from the newest back.
 */
export class PublicationStore {
  private readonly size: number;
  private readonly ids: string[] = [];
  private readonly events: string[] = [];
  private readonly targets: Target[] = [];
  private readonly excepted: Selection[] = [];
  private readonly namespaces: (string | undefined)[] = [];
  private readonly users: (string | undefined)[] = [];
  private readonly authors: (PublishedBy | undefined)[] = [];
  private readonly volatile: Uint8Array;
  private readonly times: Float64Array;
  private readonly matched: Uint32Array;
  private readonly elsewhere: Uint32Array;
  private readonly dropped: Uint32Array;
  private readonly waiting: Uint32Array;
  private readonly exceptions: Exception[] = [];
  private count = 0;
  private exceptionCount = 0;

  constructor(
    private readonly node: string,
    maxBytes: number,
    private readonly clock: () => number = Date.now,
  ) {
    this.size = Math.max(16, Math.floor((maxBytes * 0.9) / STORY_BYTES));
    this.volatile = new Uint8Array(this.size);
    this.times = new Float64Array(this.size);
    this.matched = new Uint32Array(this.size);
    this.elsewhere = new Uint32Array(this.size);
    this.dropped = new Uint32Array(this.size);
    this.waiting = new Uint32Array(this.size);
  }

  /** Since when publications are remembered without a gap; `null` while none had to go. */
  get since(): number | null {
    return this.count > this.size ? this.times[this.count % this.size]! : null;
  }

  /** Gives the place of a publication that has just begun. */
  begin(publication: Publication, by: PublishedBy | undefined): number {
    const place = this.count++ % this.size;
    this.ids[place] = publication.id;
    this.events[place] = publication.event;
    this.targets[place] = cut(publication.to);
    this.excepted[place] = cut(publication.except);
    this.namespaces[place] = publication.namespace;
    this.users[place] = publication.user;
    this.volatile[place] = publication.volatile ? 1 : 0;
    this.authors[place] = by;
    this.times[place] = publication.at ?? this.clock();
    this.matched[place] = 0;
    this.elsewhere[place] = 0;
    this.dropped[place] = 0;
    this.waiting[place] = 0;
    return place;
  }

  end(place: number, matched: number): void {
    this.matched[place] = matched;
  }

  /** At the publication that is being written. */
  exceptAt(place: number, socketId: string, what: DeliveryException): void {
    if (what === 'waiting') this.waiting[place]!++;
    else this.dropped[place]!++;
    this.except(this.ids[place]!, socketId, what);
  }

  except(id: string, socketId: string, what: DeliveryException): void {
    const most = Math.max(16, Math.floor((this.size * STORY_BYTES) / 9 / EXCEPTION_BYTES));
    this.exceptions[this.exceptionCount++ % most] = { id, socketId, what, at: this.clock() };
  }

  matchedElsewhere(id: string, matched: number): void {
    const place = this.placeOf(id);
    if (place !== undefined) this.elsewhere[place] = matched;
  }

  /** The part of a publication's story that this node knows. */
  story(id: string): PublicationStory | undefined {
    const place = this.placeOf(id);
    if (place === undefined) return undefined;
    const here = this.matched[place]!;
    const dropped = this.dropped[place]!;
    const waiting = this.waiting[place]!;
    const exceptions = this.exceptionsOf(id);
    return {
      id,
      at: this.times[place]!,
      event: this.events[place]!,
      by: authorOf(this.authors[place], this.users[place]),
      namespace: this.namespaces[place] ?? null,
      to: this.targets[place]!,
      except: this.excepted[place]!,
      volatile: this.volatile[place] === 1,
      matched: here + this.elsewhere[place]!,
      nodes: [{ node: this.node, written: Math.max(0, here - dropped - waiting), dropped, waiting }],
      exceptions: exceptions.slice(-MAX_EXCEPTIONS),
      isCut:
        isFull(this.targets[place]!) || isFull(this.excepted[place]!) || exceptions.length > MAX_EXCEPTIONS,
    };
  }

  /** What is remembered of single sockets, also where the publication itself came to another node. */
  exceptionsOf(id: string): Delivered[] {
    return this.exceptions
      .flatMap((each) => (each.id === id ? [{ socketId: each.socketId, what: each.what, at: each.at }] : []))
      .toSorted((one, other) => one.at - other.at);
  }

  private placeOf(id: string): number | undefined {
    const oldest = Math.max(0, this.count - this.size);
    for (let number = this.count - 1; number >= oldest; number--) {
      const place = number % this.size;
      if (this.times[place]! < this.clock() - REMEMBERED_MS) return undefined;
      if (this.ids[place] === id) return place;
    }
    return undefined;
  }
}

function authorOf(by: PublishedBy | undefined, user: string | undefined): Author {
  if (by && by.kind !== 'app') return { kind: by.kind, name: by.name };
  return user === undefined ? { kind: 'app' } : { kind: 'user', name: user };
}

const lengthsOf = ({ rooms, users, sockets }: Selection): number =>
  Math.max(rooms?.length ?? 0, users?.length ?? 0, sockets?.length ?? 0);

/** Whether it may have been cut: one that names exactly as many as are kept is said to be, too. */
const isFull = (selection: Target | Selection): boolean =>
  !('all' in selection) && lengthsOf(selection) >= MAX_NAMES;

function cut<Kind extends Target | Selection>(selection: Kind): Kind {
  if ('all' in selection || lengthsOf(selection) <= MAX_NAMES) return selection;
  return Object.fromEntries(
    Object.entries(selection).map(([kind, names]) => [kind, (names as string[]).slice(0, MAX_NAMES)]),
  ) as Selection as Kind;
}
