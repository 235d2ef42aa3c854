import { Deque } from '../engine/memory/deque.js';
import type { Episode } from './episode.js';

/** Episodes that are kept per user and per address. [X1] */
export const EPISODES_PER_KEY = 50;

/** What an index entry costs beside its text: two places in lists, and a share of their maps. */
const INDEX_BYTES = 256;

/** One episode is at most this long; a longer one has lost its first facts. */
const MAX_TEXT_BYTES = 16_384;

interface Slot {
  readonly start: number;
  readonly bytes: number;
  readonly user: string | null;
  readonly address: string;
  readonly socketId: string | null;
}

/**
 * Ended episodes, as text in one ring of bytes: the newest overwrites the oldest, so that memory is bounded whatever
 * happens, and the collector of garbage has nothing to look at. [X1]
 */
export class EpisodeRing {
  private ring: Buffer | undefined;
  private readonly slots = new Deque<Slot>();
  /** Number of the first slot that is still there; slots are numbered from 0 on, and lists hold their numbers. */
  private first = 0;
  private end = 0;
  private usedBytes = 0;
  private readonly byUser = new Map<string, number[]>();
  private readonly byAddress = new Map<string, number[]>();
  private readonly bySocket = new Map<string, number>();

  /** @param maxBytes of texts and index together; the memory is taken as it is needed */
  constructor(private readonly maxBytes: number) {}

  get count(): number {
    return this.slots.length;
  }

  get bytes(): number {
    return this.usedBytes;
  }

  add(episode: Episode): void {
    if (this.maxBytes < 2 * MAX_TEXT_BYTES) return;
    const text = Buffer.from(encode(episode));
    const ring = (this.ring ??= Buffer.allocUnsafeSlow(this.maxBytes));
    // A text stands in one piece: what is left at the end of the ring is given up.
    const start = this.end + text.length > ring.length ? 0 : this.end;
    this.makeRoom(start, text.length);
    text.copy(ring, start);
    this.end = start + text.length;
    const { user, address, socketId } = episode;
    const number = this.first + this.slots.length;
    this.slots.push({ start, bytes: text.length, user, address, socketId });
    this.usedBytes += text.length + INDEX_BYTES;
    if (user !== null) push(this.byUser, user, number);
    push(this.byAddress, address, number);
    if (socketId !== null) this.bySocket.set(socketId, number);
  }

  /** Whether a connection of the user is remembered. */
  has(user: string): boolean {
    return this.byUser.has(user);
  }

  /** In the order in which they ended. */
  ofUser(user: string): Episode[] {
    return this.read(this.byUser.get(user));
  }

  ofAddress(address: string): Episode[] {
    return this.read(this.byAddress.get(address));
  }

  ofSocket(socketId: string): Episode | undefined {
    const number = this.bySocket.get(socketId);
    return number === undefined ? undefined : this.read([number])[0];
  }

  private read(numbers: readonly number[] = []): Episode[] {
    return numbers.flatMap((number) => {
      const { start, bytes } = this.slots.at(number - this.first);
      return [JSON.parse(this.ring!.toString('utf8', start, start + bytes)) as Episode];
    });
  }

  /** Drops the oldest until what is to be written neither overlaps them nor passes the limit. */
  private makeRoom(start: number, bytes: number): void {
    while (this.slots.length > 0) {
      const oldest = this.slots.first!;
      const overlaps = oldest.start < start + bytes && start < oldest.start + oldest.bytes;
      const wraps = start === 0 && this.end > 0 && oldest.start >= this.end;
      if (!overlaps && !wraps && this.usedBytes + bytes + INDEX_BYTES <= this.maxBytes) return;
      this.dropOldest(oldest);
    }
  }

  private dropOldest({ bytes, user, address, socketId }: Slot): void {
    const number = this.first++;
    this.slots.shift();
    this.usedBytes -= bytes + INDEX_BYTES;
    if (user !== null) shift(this.byUser, user, number);
    shift(this.byAddress, address, number);
    if (socketId !== null && this.bySocket.get(socketId) === number) this.bySocket.delete(socketId);
  }
}

function push(lists: Map<string, number[]>, key: string, number: number): void {
  const list = lists.get(key);
  if (!list) lists.set(key, [number]);
  else if (list.push(number) > EPISODES_PER_KEY) list.shift();
}

function shift(lists: Map<string, number[]>, key: string, number: number): void {
  const list = lists.get(key);
  if (list?.[0] !== number) return;
  list.shift();
  if (list.length === 0) lists.delete(key);
}

function encode(episode: Episode): string {
  const text = JSON.stringify(episode);
  if (text.length <= MAX_TEXT_BYTES / 3) return text;
  // Names of rooms and events are short; only a client that lies about itself gets here.
  return JSON.stringify({ ...episode, facts: [], userAgent: episode.userAgent?.slice(0, 256) ?? null });
}
