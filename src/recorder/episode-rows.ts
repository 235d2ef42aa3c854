import type { EndedBy, Episode, EpisodeEnd, EpisodeFact, RecoveryOutcome, Refusal } from './episode.js';

/** Episodes of one block. */
export const ROWS = 256;

const NUMBERS = 22;
const TEXTS = 10;

/** What one row takes without its texts: numbers, places of texts and of what is seldom there. */
const ROW_BYTES = (NUMBERS + TEXTS + 2) * 8;

/** A fact, as an object in a list. */
const FACT_BYTES = 96;
/** A text beside its characters. */
const TEXT_BYTES = 24;

const ENDED_BY = ['client', 'network', 'gateway', 'node'] as const satisfies readonly EndedBy[];

/** What most episodes do not have. */
interface Seldom {
  readonly refusal: Refusal | null;
  readonly recovery: RecoveryOutcome | null;
  readonly facts: readonly EpisodeFact[];
  readonly isCut: boolean;
}

const NOTHING: Seldom = { refusal: null, recovery: null, facts: [], isCut: false };

/** Numbers have no `null` of their own. */
const given = (value: number | null): number => value ?? NaN;
const read = (value: number): number | null => (Number.isNaN(value) ? null : value);

/** What `Array.from` gives, for an eleventh of its price. */
function listOf<T>(length: number, value: T): T[] {
  const list: T[] = [];
  while (list.length < length) list.push(value);
  return list;
}

/**
 * A block of ended episodes, in columns: an end of a socket is a few dozen stores, and nothing is encoded. What the
 * collector of garbage sees of it are texts that are there anyway. [X7]
 */
export class EpisodeRows {
  private readonly numbers = new Float64Array(ROWS * NUMBERS);
  private readonly texts = listOf<string | null>(ROWS * TEXTS, null);
  private readonly bytes = new Uint32Array(ROWS);
  private readonly seldom = listOf<Seldom | undefined>(ROWS, undefined);

  put(row: number, episode: Episode): void {
    this.putNumbers(row, episode);
    const { facts, isCut, refusal, recovery } = episode;
    const isPlain = facts.length === 0 && refusal === null && recovery === null;
    this.seldom[row] = isPlain ? undefined : { facts, isCut, refusal, recovery };
    this.bytes[row] = ROW_BYTES + this.putTexts(row, episode) + (isPlain ? 0 : bytesOfSeldom(episode));
  }

  get(row: number): Episode {
    const at = row * NUMBERS;
    const [openedAt, connectedAt, endedAt, protocol, ...rest] = this.numbers.subarray(at, at + NUMBERS);
    const [first, min, max, last, lastPongAt, lastInAt, ...counted] = rest;
    const [bytesIn, bytesOut, eventsIn, eventsOut, unsentPeak, ended, ...how] = counted;
    const [socketId, user, address, node, namespace, origin, userAgent, firstTransport, transport, reason] =
      this.textsOf(row);
    const { facts, isCut, refusal, recovery } = this.seldom[row] ?? NOTHING;
    return {
      socketId: socketId!,
      user: user!,
      address: address!,
      node: node!,
      namespace: namespace!,
      protocol: protocol!,
      origin: origin!,
      userAgent: userAgent!,
      openedAt: openedAt!,
      connectedAt: read(connectedAt!),
      endedAt: read(endedAt!),
      firstTransport: firstTransport!,
      transport: transport!,
      ping: { first: read(first!), min: read(min!), max: read(max!), last: read(last!) },
      lastPongAt: read(lastPongAt!),
      lastInAt: read(lastInAt!),
      traffic: {
        bytesIn: bytesIn!,
        bytesOut: bytesOut!,
        eventsIn: eventsIn!,
        eventsOut: eventsOut!,
        unsentPeak: unsentPeak!,
      },
      refusal,
      recovery,
      facts,
      isCut,
      end: endOf(ended!, reason!, how),
      next: null,
    };
  }

  /** Its subject: what it is found by. */
  subjectOf(row: number): Pick<Episode, 'user' | 'address' | 'socketId'> {
    const [socketId, user, address] = this.textsOf(row);
    return { socketId: socketId!, user: user!, address: address! };
  }

  /** What an episode takes, as it is reckoned. */
  bytesOf(row: number): number {
    return this.bytes[row]!;
  }

  clear(row: number): void {
    this.texts.fill(null, row * TEXTS, (row + 1) * TEXTS);
    this.seldom[row] = undefined;
  }

  private putNumbers(row: number, episode: Episode): void {
    const { numbers } = this;
    const { ping, traffic, end } = episode;
    let at = row * NUMBERS;
    numbers[at++] = episode.openedAt;
    numbers[at++] = given(episode.connectedAt);
    numbers[at++] = given(episode.endedAt);
    numbers[at++] = episode.protocol;
    numbers[at++] = given(ping.first);
    numbers[at++] = given(ping.min);
    numbers[at++] = given(ping.max);
    numbers[at++] = given(ping.last);
    numbers[at++] = given(episode.lastPongAt);
    numbers[at++] = given(episode.lastInAt);
    numbers[at++] = traffic.bytesIn;
    numbers[at++] = traffic.bytesOut;
    numbers[at++] = traffic.eventsIn;
    numbers[at++] = traffic.eventsOut;
    numbers[at++] = traffic.unsentPeak;
    numbers[at++] = end ? ENDED_BY.indexOf(end.by) + (end.comesBack ? ENDED_BY.length : 0) : NaN;
    if (end) {
      numbers[at++] = given(end.closeCode);
      numbers[at++] = given(end.idleMs);
      numbers[at++] = given(end.lastPongAgoMs);
      numbers[at++] = given(end.unsentBytes);
      numbers[at++] = given(end.behindForMs);
      numbers[at++] = end.loopLagMs;
    }
  }

  /** Gives how many bytes the texts take. */
  private putTexts(row: number, episode: Episode): number {
    const { texts } = this;
    const first = row * TEXTS;
    texts[first] = episode.socketId;
    texts[first + 1] = episode.user;
    texts[first + 2] = episode.address;
    texts[first + 3] = episode.node;
    texts[first + 4] = episode.namespace;
    texts[first + 5] = episode.origin;
    texts[first + 6] = episode.userAgent;
    texts[first + 7] = episode.firstTransport;
    texts[first + 8] = episode.transport;
    texts[first + 9] = episode.end?.reason ?? null;
    let bytes = 0;
    for (let at = first; at < first + TEXTS; at++) {
      const text = texts[at]!;
      if (text !== null) bytes += TEXT_BYTES + text.length;
    }
    return bytes;
  }

  private textsOf(row: number): (string | null)[] {
    return this.texts.slice(row * TEXTS, (row + 1) * TEXTS);
  }
}

function bytesOfSeldom({ facts, refusal, recovery }: Episode): number {
  let bytes = 2 * FACT_BYTES + (refusal?.cause.length ?? 0) + (recovery?.why?.length ?? 0);
  for (const { name, code } of facts) bytes += FACT_BYTES + (name?.length ?? 0) + (code?.length ?? 0);
  return bytes;
}

function endOf(ended: number, reason: string, numbers: readonly number[]): EpisodeEnd | null {
  if (Number.isNaN(ended)) return null;
  const [closeCode, idleMs, lastPongAgoMs, unsentBytes, behindForMs, loopLagMs] = numbers;
  return {
    by: ENDED_BY[ended % ENDED_BY.length]!,
    reason,
    comesBack: ended >= ENDED_BY.length,
    closeCode: read(closeCode!),
    idleMs: read(idleMs!),
    lastPongAgoMs: read(lastPongAgoMs!),
    unsentBytes: read(unsentBytes!),
    behindForMs: read(behindForMs!),
    loopLagMs: loopLagMs!,
  };
}
