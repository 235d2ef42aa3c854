import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import type { DeliveryException, DeliveryWatch, PublishedBy } from '../delivery/delivery-watch.js';
import { Engine } from '../engine/engine.js';
import { NodeIdentity } from '../engine/node-identity.js';
import type { SocketEntry } from '../protocol/entries.js';
import type { JsonValue } from '../protocol/json.js';
import type { Publication } from '../protocol/publication.js';
import { Namespaces } from '../sockets/namespaces.js';
import type { Participant, Refusal, SocketFact, TurnedAway } from '../sockets/participants.js';
import { socketState, type GatewaySocket, type SocketState } from '../sockets/socket-state.js';
import { Metrics } from '../telemetry/metrics.js';
import { StallWatch } from '../timers/stall-watch.js';
import type { Episode } from './episode.js';
import { endOf, episodeOf, lostEpisode, refusedEpisode, type Recording } from './episode-of.js';
import { EpisodeRing } from './episode-ring.js';
import { EpisodeWriter } from './episode-writer.js';
import { flightOf } from './flight.js';
import { PublicationStore } from './publication-store.js';
import { TopLists } from './top-lists.js';
import { Traces } from './traces.js';
import { UnknownSessions } from './unknown-sessions.js';
import { upgradeFailed, watchUpgrades } from './upgrades.js';

/** Refusals of one address and second that become episodes; a storm of them tells nothing more. */
const REFUSALS_PER_SECOND = 20;
const MAX_ADDRESSES_PER_SECOND = 1_000;
/** Episodes of a dead node's sockets that are made in one turn. */
const LOST_IN_A_TURN = 100;
/** Refusals that are kept of clients that claimed to be one user. */
export const REFUSALS_PER_USER = 10;
const ASK_WITHIN_MS = 1_000;

/** What other nodes are asked for: which of these connections they have. */
export interface ConnectionsQuestion {
  readonly of: 'connections';
  readonly ids: readonly string[];
}

/**
 * The flight record of this node: it hears of the life of sockets and of publications, and keeps what tells why. [X1] [X3]
 *
 * Off the hot paths: what counters and states say anyway is read when somebody asks, or when a socket ends. Nothing that
 * clients send is in it, no token, and no header but Origin and User-Agent.
 */
@Injectable()
export class FlightRecorder implements Participant, DeliveryWatch, OnModuleDestroy {
  /** Nothing takes part in anything then. */
  readonly isOff: boolean;
  readonly recording: Recording;
  readonly ring: EpisodeRing;
  /** Clients that were refused, apart: anybody may claim to be a user, and must not push out what is known of that user. */
  readonly refusals: EpisodeRing;
  readonly publications: PublicationStore;
  readonly unknownSessions: UnknownSessions;
  readonly traces: Traces;
  readonly tops = new TopLists();
  readonly writer: EpisodeWriter;
  /** The place of the publication that is being written, and that one. */
  private place = -1;
  private current: Publication | undefined;
  private refusalSecond = 0;
  private readonly refusalsOf = new Map<string, number>();

  constructor(
    @Inject(SWITCHBOARD_CONFIG) config: SwitchboardConfig,
    { id, startedAt }: NodeIdentity,
    private readonly engine: Engine,
    private readonly stalls: StallWatch,
    private readonly metrics: Metrics,
    namespaces: Namespaces,
  ) {
    const { explainBytes } = config;
    this.isOff = explainBytes === 0;
    this.recording = { node: id, startedAt: startedAt.getTime() };
    this.ring = new EpisodeRing(Math.floor(explainBytes * 0.65));
    this.refusals = new EpisodeRing(Math.floor(explainBytes * 0.1), REFUSALS_PER_USER);
    this.publications = new PublicationStore(id, explainBytes * 0.25);
    this.traces = new Traces(namespaces);
    this.unknownSessions = new UnknownSessions((ids) => this.whoHas(ids));
    this.writer = new EpisodeWriter(() => engine.flights, explainBytes);
  }

  onModuleDestroy(): void {
    this.unknownSessions.stop();
  }

  stopping(): Promise<void> {
    return this.writer.flush();
  }

  opened(connection: GatewaySocket['conn']): void {
    watchUpgrades(connection);
  }

  connected(socket: GatewaySocket): void {
    const { user, address } = socketState(socket);
    if (this.ring.has(user)) this.tops.add('reconnects', { user, address });
    if (!this.traces.isActive) return;
    const { conn, recovered } = socket;
    this.traces.tellOf(socket, {
      type: 'connect',
      ...this.lineOf(socket),
      transport: conn.transport.name,
      address,
      recovered,
    });
  }

  joined(state: SocketState, room: string): void {
    flightOf(state).note(this.now, 'joined', room);
    this.traceRoom(state, 'join', room);
  }

  left(state: SocketState, room: string): void {
    flightOf(state).note(this.now, 'left', room);
    this.traceRoom(state, 'leave', room);
  }

  noted(state: SocketState, { kind, name, code, ms }: SocketFact): void {
    flightOf(state).note(this.now, kind, name, code, ms);
    if (this.traces.isActive) {
      this.traces.tellOf(state.socket, { type: kind, ...this.lineOf(state.socket), name, code, ms });
    }
  }

  ended(state: SocketState, reason: string, description?: unknown): void {
    const { socket, user, address } = state;
    const end = endOf(state, reason, description, this.stalls.lateByMs);
    const episode = episodeOf(state, this.recording, { end, at: Date.now() });
    this.keep(episode);
    const { bytesIn, bytesOut, unsentPeak } = episode.traffic;
    this.tops.add('bytes', { user, address }, bytesIn + bytesOut);
    if (unsentPeak > 0) this.tops.add('unsent', { user, address }, unsentPeak);
    if (!this.traces.isActive) return;
    this.traces.tell(
      { user, address, rooms: state.goneFrom },
      {
        type: 'disconnect',
        ...this.lineOf(socket),
        reason: end.reason,
        by: end.by,
        closeCode: end.closeCode,
      },
    );
  }

  refused(refusal: Refusal): void {
    const { address, code, why, stage } = refusal;
    const user = this.isOneTooMany(address) ? undefined : this.keepRefusal(refusal);
    this.tops.add('refusals', { address, ...(typeof user === 'string' ? { user } : {}) });
    if (this.traces.isActive) {
      this.traces.tell(
        { user: user ?? null, address },
        { type: 'refused', at: Date.now(), code, cause: why, stage, address, user: user ?? null },
      );
    }
  }

  turnedAway({ kind, connectionId, connection, address, transport, why }: TurnedAway): void {
    if (kind === 'unknown_session') this.unknownSessions.add(connectionId, address, transport);
    else if (connection) upgradeFailed(connection, why);
  }

  /** Some of them in a turn: thousands at once would hold up what is delivered meanwhile. */
  lost(sockets: readonly SocketEntry[], at = Date.now()): void {
    for (const entry of sockets.slice(0, LOST_IN_A_TURN)) this.keep(lostEpisode(entry, at));
    const others = sockets.slice(LOST_IN_A_TURN);
    if (others.length > 0) setImmediate(() => this.lost(others, at));
  }

  delivering(publication: Publication, by: PublishedBy | undefined, isAgain: boolean): void {
    this.current = publication;
    this.place = isAgain ? -1 : this.publications.begin(publication, by);
    if (isAgain) return;
    this.tops.published(publication, by);
    if (this.traces.isActive) this.traces.published(publication);
  }

  delivered(_publication: Publication, matched: number): void {
    if (this.place !== -1) this.publications.end(this.place, matched);
    this.place = -1;
    this.current = undefined;
  }

  matchedElsewhere({ id }: Publication, matched: number): void {
    if (matched > 0) this.publications.matchedElsewhere(id, matched);
  }

  exceptNow(socket: GatewaySocket, what: DeliveryException): void {
    if (this.place !== -1) this.publications.exceptAt(this.place, socket.id, what);
    else if (this.current) this.publications.except(this.current.id, socket.id, what);
  }

  except(publicationId: string, socketId: string, what: DeliveryException): void {
    this.publications.except(publicationId, socketId, what);
  }

  notAcknowledged(socket: GatewaySocket, event: string, ms: number): void {
    this.noted(socketState(socket), { kind: 'ack_missing', name: event, ms });
  }

  private get now(): number {
    return Date.now() - this.recording.startedAt;
  }

  private keep(episode: Episode): void {
    (episode.refusal ? this.refusals : this.ring).add(episode);
    this.writer.add(episode);
  }

  private keepRefusal(refusal: Refusal): string | null {
    const episode = refusedEpisode(refusal, this.recording.node, Date.now());
    this.keep(episode);
    return episode.user;
  }

  private isOneTooMany(address: string): boolean {
    const second = Math.floor(Date.now() / 1_000);
    if (second !== this.refusalSecond) {
      this.refusalSecond = second;
      this.refusalsOf.clear();
    }
    const count = (this.refusalsOf.get(address) ?? 0) + 1;
    if (count === 1 && this.refusalsOf.size >= MAX_ADDRESSES_PER_SECOND) return true;
    this.refusalsOf.set(address, count);
    return count > REFUSALS_PER_SECOND;
  }

  private traceRoom({ socket }: SocketState, type: string, room: string): void {
    if (this.traces.isActive) this.traces.tellOf(socket, { type, ...this.lineOf(socket), room });
  }

  private lineOf(socket: GatewaySocket): { at: number; socketId: string; user: string } {
    return { at: Date.now(), socketId: socket.id, user: socketState(socket).user };
  }

  private async whoHas(ids: readonly string[]): Promise<readonly string[]> {
    try {
      const question: ConnectionsQuestion = { of: 'connections', ids };
      const { answers } = await this.engine.ask(
        { ask: 'record', question: question as unknown as JsonValue },
        ASK_WITHIN_MS,
      );
      return answers.flatMap((answer) => answer as readonly string[]);
    } catch {
      // Shared state is gone: then nobody knows, and the requests are remembered without it.
      return [];
    }
  }
}
