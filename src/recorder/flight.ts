import { recorderSlots, type SocketState } from '../sockets/socket-state.js';
import { factName, type EpisodeFact } from './episode.js';

/** Facts that are kept of one connection; the newest stay. [X1] */
export const MAX_FACTS = 40;

/** One fact of an open socket, in a list from the newest back. Times count from the start of the node. */
class Note {
  constructor(
    readonly atMs: number,
    readonly kind: EpisodeFact['kind'],
    readonly name: string | undefined,
    readonly code: string | undefined,
    readonly ms: number | undefined,
    public before: Note | undefined,
  ) {}
}

/**
 * What is noted of an open socket beside what its state, its connection and its rooms say themselves.
 *
 * A socket has none until something happens to it, so that one that only listens costs nothing. [X7]
 */
export class Flight {
  private last: Note | undefined;
  private count = 0;
  /** Whether facts had to go. */
  isCut = false;

  note(atMs: number, kind: EpisodeFact['kind'], name?: string, code?: string, ms?: number): void {
    const kept = name === undefined ? undefined : factName(name);
    this.last = new Note(atMs, kind, kept, code, ms, this.last);
    if (++this.count > MAX_FACTS) this.dropOldest();
  }

  /** Oldest first. */
  facts(startedAt: number): EpisodeFact[] {
    const facts: EpisodeFact[] = [];
    for (let note = this.last; note; note = note.before) {
      const { kind, name, code, ms } = note;
      facts.push({
        at: startedAt + note.atMs,
        kind,
        ...(name === undefined ? {} : { name }),
        ...(code === undefined ? {} : { code }),
        ...(ms === undefined ? {} : { ms }),
      });
    }
    return facts.reverse();
  }

  private dropOldest(): void {
    let note = this.last!;
    for (let kept = 1; kept < MAX_FACTS; kept++) note = note.before!;
    note.before = undefined;
    this.count = MAX_FACTS;
    this.isCut = true;
  }
}

/** The flight of a socket; `undefined` while nothing has happened to it. */
export const findFlight = ({ flight }: SocketState): Flight | undefined => flight as Flight | undefined;

/** The same, begun if there is none. */
export const flightOf = (state: SocketState): Flight =>
  (recorderSlots(state).flight ??= new Flight()) as Flight;
