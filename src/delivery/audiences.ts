import { outgoingListenersOf, outgoingListenersVersion } from '../platform/listeners-of-io.js';
import type { MembershipAdapter } from '../sockets/membership.adapter.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import type { Cohort } from './cohort.js';
import { visitSelected } from './selected-sockets.js';
import type { RoomSelection } from './targets.js';
import type { TurnWriter } from './turn-writer.js';

/** Fewer recipients are visited sooner than remembered. */
const MIN_RECIPIENTS = 4;

/** A cohort that most have left is made anew where it has saved more visits than it has cost. */
const MIN_FRAMES = 8;

/** The target that is no room. */
const EVERYONE = Symbol('everyone');

/** The sockets that publications of this turn to one target were for. */
interface Audience {
  readonly version: number;
  /** How many sockets the namespace had. */
  readonly connected: number;
  readonly recipients: number;
  /** Made with the second publication; a turn with one has no use for it. `apart` where none of them can be. */
  together: Together | 'apart' | undefined;
}

interface Together {
  readonly sockets: readonly GatewaySocket[];
  readonly cohort: Cohort<object>;
  /** Sockets that are given each publication alone. */
  readonly alone: GatewaySocket[];
}

/**
 * The targets of this turn. Many publications in one turn to the same room, or to everyone, find the same sockets: these are
 * looked for twice, and from then on given publications together, until somebody comes or goes. [D8]
 */
export class Audiences {
  private readonly known = new Map<string | symbol, Audience>();

  constructor(
    private readonly adapter: MembershipAdapter,
    private readonly turn: TurnWriter,
    /** Rises whenever another socket may be meant, or one of these be given publications otherwise. */
    private readonly version: () => number,
  ) {}

  /**
   * Gives a publication to all that a selection has, each once.
   *
   * @param frameOf the frame that most of them get; `undefined` where there is none that they could share
   * @param give gives it to one socket, and says whether that frame was collected for the end of the turn
   * @returns how many they are
   */
  give(
    selection: RoomSelection,
    frameOf: (() => Buffer | undefined) | undefined,
    give: (socket: GatewaySocket) => boolean,
  ): number {
    const target = targetOf(selection);
    if (!frameOf || target === undefined) return this.visit(selection, give);
    const version = this.version() + outgoingListenersVersion();
    const connected = this.adapter.nsp.sockets.size;
    const audience = this.known.get(target);
    if (audience?.version === version && audience.connected === connected) {
      const { together } = audience;
      if (!together) return this.bringTogether(audience, selection, give);
      if (together === 'apart') return this.visit(selection, give);
      const frame = frameOf();
      return frame ? this.giveTogether(audience, together, frame, give) : this.visit(selection, give);
    }
    const recipients = this.visit(selection, give);
    if (recipients >= MIN_RECIPIENTS)
      this.remember(target, { version, connected, recipients, together: undefined });
    return recipients;
  }

  private visit(selection: RoomSelection, give: (socket: GatewaySocket) => unknown): number {
    let recipients = 0;
    visitSelected(this.adapter, selection, (socket) => {
      recipients++;
      give(socket);
    });
    return recipients;
  }

  private bringTogether(
    audience: Audience,
    selection: RoomSelection,
    give: (socket: GatewaySocket) => boolean,
  ): number {
    const sockets: GatewaySocket[] = [];
    const alone: GatewaySocket[] = [];
    const recipients = this.visit(selection, (socket) => {
      const isCollected = give(socket) && outgoingListenersOf(socket).length === 0;
      (isCollected ? sockets : alone).push(socket);
    });
    const cohort = this.turn.together(sockets.map(({ conn }) => conn));
    audience.together = cohort ? { sockets, cohort, alone } : 'apart';
    return recipients;
  }

  private giveTogether(
    audience: Audience,
    { sockets, cohort, alone }: Together,
    frame: Buffer,
    give: (socket: GatewaySocket) => boolean,
  ): number {
    for (const place of cohort.takeLeft()) alone.push(sockets[place]!);
    this.turn.collectFor(cohort, frame);
    for (const socket of alone) give(socket);
    if (alone.length * 2 > audience.recipients && cohort.frames >= MIN_FRAMES) audience.together = undefined;
    return audience.recipients;
  }

  private remember(target: string | symbol, audience: Audience): void {
    if (this.known.size === 0) this.turn.whenOver(() => this.known.clear());
    this.known.set(target, audience);
  }
}

/** The one room of a selection, or everyone; `undefined` for all others. */
function targetOf({ rooms, sockets, except }: RoomSelection): string | symbol | undefined {
  if (except.rooms.size > 0 || except.sockets.size > 0) return undefined;
  if (rooms === undefined) return EVERYONE;
  if (rooms.size !== 1 || sockets !== undefined) return undefined;
  const [room] = rooms;
  return room;
}
