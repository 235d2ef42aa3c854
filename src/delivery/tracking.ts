import type { Publication } from '../protocol/publication.js';
import type { Stamp } from '../engine/log.js';
import type { HeldPublication } from './held-publication.js';
import type { Replay } from './replay.js';
import type { Encoding } from './encoding.js';

/**
 * What a socket that tracks positions is told beside the arguments of a publication.
 *
 * Few sockets do: those that asked for recovery, and those that joined a room with `meta` or `since`. All others
 * share one frame and know nothing of this. [H4] [H5]
 */
export class Tracking {
  /** Rooms whose publications carry their position. */
  readonly metaRooms = new Set<string>();
  /** The cursor of the last that was sent to it, or the one its client came with. */
  lastCursor: string | undefined;
  /** What it has missed and has not been given yet; what arrives live goes behind that. */
  replay: Replay | undefined;
  private held: HeldPublication[] | undefined;
  private holds = 0;
  /** Rooms that it has left while something waited for it. */
  private leftMeanwhile: Set<string> | undefined;

  constructor(
    /** Whether its client recovers, and so gets the cursor as the last argument, as Socket.IO's protocol has it. */
    readonly recovers: boolean,
    /** How many publications this node had accepted when it began, and the rooms it was in then. */
    private readonly began: { readonly accepted: number; readonly rooms: ReadonlySet<string> } | undefined,
  ) {}

  /** Whether a publication reached it when it was accepted, before it tracked positions; its place was not known then. */
  had(acceptedAs: number, rooms: ReadonlySet<string> | undefined): boolean {
    if (!this.began || acceptedAs > this.began.accepted) return false;
    if (!rooms) return true;
    for (const room of rooms) if (this.began.rooms.has(room)) return true;
    return false;
  }

  /** Keeps what arrives for the socket until {@link release}: it is catching up on what came before. */
  hold(): void {
    this.holds++;
    this.held ??= [];
  }

  /** Whether something that has arrived for it waits to be sent. */
  get isHolding(): boolean {
    return this.holds > 0 || this.replay !== undefined;
  }

  /**
   * Notes that the socket has left a room: its publications no longer tell where they stand, and what waits for it because
   * of that room alone is no longer for it. [H5] [A7]
   */
  left(room: string): void {
    this.metaRooms.delete(room);
    if (this.isHolding) (this.leftMeanwhile ??= new Set()).add(room);
  }

  /** Notes that the socket is in a room, perhaps again. */
  entered(room: string): void {
    this.leftMeanwhile?.delete(room);
  }

  /** Nothing waits any longer. */
  settled(): void {
    if (!this.isHolding) this.leftMeanwhile = undefined;
  }

  /** Whether what has waited is for this socket still: it may have lost its right to the room since. [A7] */
  isStillFor({ to }: Publication, socketId: string, user: string): boolean {
    const { leftMeanwhile } = this;
    if (leftMeanwhile === undefined || 'all' in to) return true;
    if (to.sockets?.includes(socketId) || to.users?.includes(user)) return true;
    return to.rooms?.some((room) => !leftMeanwhile.has(room)) === true;
  }

  /** Gives back what was held; empty while another catch-up is under way. */
  release(): readonly HeldPublication[] {
    if (--this.holds > 0) return [];
    const held = this.held ?? [];
    this.held = undefined;
    return held;
  }

  /** Whether the publication was taken to be sent later. */
  keep(publication: Publication, stamp: Stamp, asking?: Encoding): boolean {
    this.held?.push({ publication, stamp, ...(asking && { wire: asking, asks: true }) });
    return this.held !== undefined;
  }

  /** The offset of the first held publication that the room's history has as well. */
  firstHeldOffset(room: string): number | undefined {
    const first = this.held?.find(
      ({ publication, stamp }) => !publication.volatile && stamp.positions?.has(room) === true,
    );
    return first?.stamp.positions!.get(room)!.offset;
  }

  /** Drops what a catch-up has given already, so that it is not given twice. */
  forget(given: (held: HeldPublication) => boolean): void {
    if (this.held) this.held = this.held.filter((each) => !given(each));
  }

  /** The arguments that are added for this socket, and a name for them that is the same for all who get the same. */
  suffixOf(publication: Publication, stamp: Stamp): { readonly key: string; readonly args: unknown[] } {
    const { key, args } = this.metaOf(publication, stamp);
    return this.recovers ? { key: `r${key}`, args: [...args, stamp.cursor] } : { key, args };
  }

  /** The same without the cursor, for what a client takes none from. */
  metaOf(publication: Publication, stamp: Stamp): { readonly key: string; readonly args: unknown[] } {
    const room = this.metaRooms.size === 0 ? undefined : this.metaRoomOf(stamp);
    if (room === undefined) return { key: '', args: [] };
    const { id, user, at } = publication;
    const meta = { room, id, ...stamp.positions!.get(room)! };
    // A backend's has no sender, and so a client's never looks like one. [D9]
    const sender = user === undefined ? undefined : { user, at: new Date(at ?? Date.now()).toISOString() };
    return { key: `:${room}`, args: [{ ...meta, ...sender }] };
  }

  private metaRoomOf({ positions }: Stamp): string | undefined {
    if (!positions) return undefined;
    for (const room of positions.keys()) if (this.metaRooms.has(room)) return room;
    return undefined;
  }
}
