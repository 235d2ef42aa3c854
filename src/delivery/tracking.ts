import type { Publication } from '../protocol/publication.js';
import type { Stamp } from '../engine/log.js';

/** A publication that waits until its socket has caught up. */
export interface HeldPublication {
  readonly publication: Publication;
  readonly stamp: Stamp;
}

/**
 * What a socket that tracks positions is told beside the arguments of a publication.
 *
 * Few sockets do: those that asked for recovery, and those that joined a room with `meta` or `since`. All others
 * share one frame and know nothing of this. [H4] [H5]
 */
export class Tracking {
  /** Rooms whose publications carry their position. */
  readonly metaRooms = new Set<string>();
  private held: HeldPublication[] | undefined;
  private holds = 0;

  constructor(
    /** Whether its client recovers, and so gets the cursor as the last argument, as Socket.IO's protocol has it. */
    readonly recovers: boolean,
    /** Publications that were accepted on this node up to here have reached it without a position. */
    readonly since: number,
  ) {}

  /** Keeps what arrives for the socket until {@link release}: it is catching up on what came before. */
  hold(): void {
    this.holds++;
    this.held ??= [];
  }

  /** Gives back what was held; empty while another catch-up is under way. */
  release(): readonly HeldPublication[] {
    if (--this.holds > 0) return [];
    const held = this.held ?? [];
    this.held = undefined;
    return held;
  }

  /** Whether the publication was taken to be sent later. */
  keep(publication: Publication, stamp: Stamp): boolean {
    this.held?.push({ publication, stamp });
    return this.held !== undefined;
  }

  /** Drops what a catch-up has given already, so that it is not given twice. */
  forget(given: (held: HeldPublication) => boolean): void {
    if (this.held) this.held = this.held.filter((each) => !given(each));
  }

  /** The arguments that are added for this socket, and a name for them that is the same for all who get the same. */
  suffixOf(publication: Publication, stamp: Stamp): { readonly key: string; readonly args: unknown[] } {
    const room = this.metaRooms.size === 0 ? undefined : this.metaRoomOf(stamp);
    const args: unknown[] = [];
    if (room !== undefined) args.push({ room, id: publication.id, ...stamp.positions!.get(room)! });
    if (this.recovers) args.push(stamp.cursor);
    return { key: `${this.recovers ? 'r' : ''}${room ?? ''}`, args };
  }

  private metaRoomOf({ positions }: Stamp): string | undefined {
    if (!positions) return undefined;
    for (const room of positions.keys()) if (this.metaRooms.has(room)) return room;
    return undefined;
  }
}
