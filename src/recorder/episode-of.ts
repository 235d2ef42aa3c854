/** Makes episodes of what is known when one is asked for, or when it ends: until then nothing is written down twice. */
import { signsOf, vitalsOf } from '../delivery/vitals.js';
import { closeCodeOf, unsentBytes } from '../platform/engine-connection.js';
import { ownText } from '../platform/own-text.js';
import type { SocketEntry } from '../protocol/entries.js';
import { comesBack, reasonOf } from '../sockets/disconnect-reasons.js';
import { membershipOf } from '../sockets/membership.adapter.js';
import type { Refusal } from '../sockets/participants.js';
import type { SocketState } from '../sockets/socket-state.js';
import {
  factName,
  type EndedBy,
  type Episode,
  type EpisodeEnd,
  type EpisodeFact,
  type RecoveryOutcome,
} from './episode.js';
import { findFlight, MAX_FACTS } from './flight.js';
import { firstTransportOf, upgradeFacts } from './upgrades.js';

/** The node that makes an episode. */
export interface Recording {
  readonly node: string;
  /** When it started, which its own short times count from. */
  readonly startedAt: number;
}

/** Text that a client sends of itself is cut off here. */
const MAX_TEXT_LENGTH = 256;

const shortened = (text: string | undefined): string | null =>
  text === undefined || text === '' ? null : ownText(text, MAX_TEXT_LENGTH);

const orNull = (value: number): number | null => (value === -1 ? null : value);

/** An open socket, or one that is just ending. */
export function episodeOf(
  state: SocketState,
  { node, startedAt }: Recording,
  ended?: { readonly end: EpisodeEnd; readonly at: number },
): Episode {
  const { socket, user, address, userAgent, connectedAt } = state;
  const { conn } = socket;
  const vitals = vitalsOf(conn);
  const signs = signsOf(conn);
  // Times of a connection are of the monotonic clock.
  const origin = Date.now() - Math.round(performance.now());
  const wall = (at: number): number | null => (at === -1 ? null : origin + at);
  return {
    socketId: socket.id,
    user,
    address,
    node,
    namespace: socket.nsp.name,
    protocol: conn.protocol,
    origin: shortened(socket.handshake.headers.origin),
    userAgent: shortened(userAgent),
    openedAt: Math.min(connectedAt, vitals ? origin + vitals.openedAt : connectedAt),
    connectedAt,
    endedAt: ended?.at ?? null,
    firstTransport: firstTransportOf(conn),
    transport: conn.transport.name,
    ping: {
      first: orNull(vitals?.firstTripMs ?? -1),
      min: orNull(vitals?.shortestTripMs ?? -1),
      max: orNull(vitals?.longestTripMs ?? -1),
      last: orNull(vitals?.lastTripMs ?? -1),
    },
    lastPongAt: wall(vitals?.lastPongAt ?? -1),
    lastInAt: wall(vitals?.lastReadAt ?? -1),
    traffic: {
      bytesIn: signs.bytesIn ?? 0,
      bytesOut: signs.bytesOut ?? 0,
      eventsIn: signs.eventsIn,
      eventsOut: signs.eventsOut,
      unsentPeak: vitals?.unsentPeak ?? 0,
    },
    refusal: null,
    recovery: recoveryOf(state),
    ...factsOf(state, startedAt, ended === undefined),
    end: ended?.end ?? null,
    next: null,
  };
}

/** How a socket ends, told while it does. */
export function endOf(
  state: SocketState,
  transportReason: string,
  description: unknown,
  loopLagMs: number,
): EpisodeEnd {
  const { conn } = state.socket;
  const { idleMs, lastPongAgoMs } = signsOf(conn);
  const behindSince = vitalsOf(conn)?.behindSince ?? -1;
  const closeCode = closeCodeOf(conn) ?? null;
  const reason = reasonOf(state, transportReason, description);
  return {
    by: endedBy(state, reason, closeCode),
    reason,
    comesBack: comesBack(transportReason),
    closeCode,
    idleMs,
    lastPongAgoMs,
    unsentBytes: unsentBytes(conn),
    behindForMs: behindSince === -1 ? null : Math.round(performance.now()) - behindSince,
    loopLagMs,
  };
}

/** A WebSocket that is cut without a close frame has this code, which nobody can send. */
const CUT = 1006;

function endedBy({ endedWith }: SocketState, reason: string, closeCode: number | null): EndedBy {
  if (endedWith !== undefined) return 'gateway';
  switch (reason) {
    case 'ping_timeout':
    case 'transport_error':
      return 'network';
    case 'transport_close':
      return closeCode === null || closeCode === CUT ? 'network' : 'client';
    case 'client_namespace_disconnect':
    case 'parse_error':
      return 'client';
    default:
      return 'gateway';
  }
}

/** A client that presents a session asks for it back. */
function recoveryOf({ socket, session }: SocketState): RecoveryOutcome | null {
  const { handshake, recovered } = socket;
  const { recovery, pid } = (handshake.auth ?? {}) as Readonly<Record<string, unknown>>;
  if (recovery !== true || pid === undefined) return null;
  if (!session) return { outcome: 'not_recovered', why: 'recovery_off' };
  const { notRecovered } = session;
  if (recovered && notRecovered === undefined) return { outcome: 'recovered', why: null };
  return { outcome: 'not_recovered', why: notRecovered ?? null };
}

function factsOf(state: SocketState, startedAt: number, isOpen: boolean): Pick<Episode, 'facts' | 'isCut'> {
  const { socket, connectedAt, goneFrom } = state;
  const flight = findFlight(state);
  const noted = flight?.facts(startedAt) ?? [];
  const rooms = isOpen ? membershipOf(socket).namesOfRooms(socket.id) : goneFrom;
  // Most connections are in no room, and nothing has happened to them but their upgrade.
  if (rooms.length === 0 && noted.length === 0)
    return { facts: upgradeFacts(socket.conn), isCut: flight?.isCut === true };
  const known = new Set(noted.flatMap(({ kind, name }) => (kind === 'joined' ? [name] : [])));
  // What its facts no longer reach back to.
  const before = rooms
    .map(factName)
    .filter((room) => !known.has(room))
    .map((name): EpisodeFact => ({ at: connectedAt, kind: 'joined', name }));
  const facts = [...before, ...upgradeFacts(socket.conn), ...noted];
  return {
    facts: facts.toSorted((one, other) => one.at - other.at).slice(-MAX_FACTS),
    isCut: facts.length > MAX_FACTS || flight?.isCut === true,
  };
}

/** A client that was refused: the user is the one that it claimed to be. */
export function refusedEpisode(refusal: Refusal, node: string, at: number): Episode {
  const { code, why, stage, address, origin, userAgent, protocol, transport, namespace } = refusal;
  return {
    ...NOTHING,
    user: refusal.claimedUser() ?? null,
    address,
    node,
    namespace: namespace ?? '/',
    protocol,
    origin: shortened(origin),
    userAgent: shortened(userAgent),
    openedAt: at,
    endedAt: at,
    firstTransport: transport,
    transport,
    refusal: { code, cause: ownText(why, MAX_TEXT_LENGTH), stage },
  };
}

/** A socket of a node that died, as far as the registry knew it. */
export function lostEpisode(entry: SocketEntry, at: number): Episode {
  const { socketId, user, node, namespace, transport, protocol, address, userAgent, rooms } = entry;
  const connectedAt = Date.parse(entry.connectedAt);
  return {
    ...NOTHING,
    socketId,
    user,
    address,
    node,
    namespace,
    protocol,
    userAgent: shortened(userAgent),
    openedAt: connectedAt,
    connectedAt,
    endedAt: at,
    firstTransport: transport,
    transport,
    facts: rooms
      .slice(0, MAX_FACTS)
      .map((room) => ({ at: connectedAt, kind: 'joined', name: factName(room) })),
    isCut: rooms.length > MAX_FACTS,
    end: {
      by: 'node',
      reason: 'node_lost',
      comesBack: true,
      closeCode: null,
      idleMs: null,
      lastPongAgoMs: null,
      unsentBytes: null,
      behindForMs: null,
      loopLagMs: 0,
    },
  };
}

const NOTHING = {
  socketId: null,
  connectedAt: null,
  origin: null,
  ping: { first: null, min: null, max: null, last: null },
  lastPongAt: null,
  lastInAt: null,
  traffic: { bytesIn: 0, bytesOut: 0, eventsIn: 0, eventsOut: 0, unsentPeak: 0 },
  refusal: null,
  recovery: null,
  facts: [],
  isCut: false,
  end: null,
  next: null,
} as const satisfies Partial<Episode>;
