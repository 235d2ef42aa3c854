import type { Publication } from '../protocol/publication.js';
import type { Stamp } from '../engine/log.js';
import type { HeldPublication } from './held-publication.js';
import type { Replay } from './replay.js';
import type { Encoding } from './encoding.js';
import type { UnplacedDelivery } from './unplaced.js';

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
  /** The last publication of this node that it waits for because the place is not known yet. */
  waitsFor: UnplacedDelivery | undefined;
  private held: HeldPublication[] | undefined;
  private holds = 0;
  /** Rooms that it has lost the right to while something waited for it. */
  private lostMeanwhile: Set<string> | undefined;
  /** Rooms with positions that it has left while something waited for it. */
  private metaRoomsBefore: Set<string> | undefined;
  /** Rooms that it came into by a list of what was there, and how many publications this node had accepted then. */
  private readonly listedAt = new Map<string, number>();
  /** The same of all its rooms, where it came back by its session. */
  private restoredAt = 0;

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

  /**
   * Notes that the socket comes into a room, or back into all of its rooms, and that its client is told what was there
   * before. A publication without a place stands in no such list, so the socket is owed it.
   */
  comesIn(accepted: number, room?: string): void {
    if (room === undefined) this.restoredAt = accepted;
    else this.listedAt.set(room, accepted);
  }

  /** Whether the socket gets a publication that was accepted before it came in. [H3] [H4] */
  isOwed(acceptedAs: number, rooms: ReadonlySet<string> | undefined): boolean {
    if (acceptedAs <= this.restoredAt) return true;
    if (!rooms) return false;
    for (const [room, accepted] of this.listedAt) if (acceptedAs <= accepted && rooms.has(room)) return true;
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

  private get isWaiting(): boolean {
    return this.isHolding || this.waitsFor !== undefined;
  }

  /**
   * Notes that the socket has left a room: what is published there from now on does not tell it positions. What was said
   * to it before still comes, with them. [H5]
   */
  left(room: string): void {
    this.listedAt.delete(room);
    if (this.metaRooms.delete(room) && this.isWaiting) (this.metaRoomsBefore ??= new Set()).add(room);
  }

  /** Notes that it may not be in a room any longer: what waits for it because of that room alone is not for it. [A7] */
  lost(room: string): void {
    if (this.isWaiting) (this.lostMeanwhile ??= new Set()).add(room);
  }

  /** Notes that the socket is in a room, perhaps again. */
  entered(room: string): void {
    this.lostMeanwhile?.delete(room);
    this.metaRoomsBefore?.delete(room);
  }

  /** Nothing waits any longer. */
  settled(): void {
    if (this.isWaiting) return;
    this.lostMeanwhile = undefined;
    this.metaRoomsBefore = undefined;
  }

  /** Whether what has waited is for this socket still: it may have lost its right to the room since. [A7] */
  isStillFor({ to }: Publication, socketId: string, user: string): boolean {
    const { lostMeanwhile } = this;
    if (lostMeanwhile === undefined || 'all' in to) return true;
    if (to.sockets?.includes(socketId) || to.users?.includes(user)) return true;
    return to.rooms?.some((room) => !lostMeanwhile.has(room)) === true;
  }

  /** Gives back what was held; empty while another catch-up is under way. */
  release(): readonly HeldPublication[] {
    if (--this.holds > 0) return [];
    return this.takeHeld();
  }

  /** Gives back what was held so far, where the socket is about to end. */
  takeHeld(): readonly HeldPublication[] {
    const held = this.held ?? [];
    this.held = undefined;
    return held;
  }

  /** Whether the publication was taken to be sent later. */
  keep(publication: Publication, stamp: Stamp, asking?: Encoding): boolean {
    this.held?.push({ publication, stamp, ...(asking && { encoding: asking, asks: true }) });
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
    const room = this.tellsPositions ? this.metaRoomOf(stamp) : undefined;
    if (room === undefined) return { key: '', args: [] };
    const { id, user, at } = publication;
    const meta = { room, id, ...stamp.positions!.get(room)! };
    // A backend's has no sender, and so a client's never looks like one. [D9]
    const sender = user === undefined ? undefined : { user, at: new Date(at ?? Date.now()).toISOString() };
    return { key: `:${room}`, args: [{ ...meta, ...sender }] };
  }

  /** Whether publications of some room tell it where they stand. */
  get tellsPositions(): boolean {
    return this.metaRooms.size > 0 || this.metaRoomsBefore !== undefined;
  }

  private metaRoomOf({ positions }: Stamp): string | undefined {
    if (!positions) return undefined;
    for (const room of positions.keys()) {
      if (this.metaRooms.has(room) || this.metaRoomsBefore?.has(room)) return room;
    }
    return undefined;
  }
}
