import { Deque } from '../engine/memory/deque.js';
import type { Episode } from './episode.js';
import { EpisodeRows, ROWS } from './episode-rows.js';

/** Episodes that are kept per user and per address. [X1] */
export const EPISODES_PER_KEY = 50;

/** What an episode costs beside its row and its texts: two places in lists, and a share of their maps. */
const INDEX_BYTES = 256;
/** With less there is no ring: one block alone would be over it. */
const LEAST_BYTES = 32_768;

/**
 * Ended episodes in blocks of rows: the newest push out the oldest, so that memory is bounded whatever happens. [X1]
 */
export class EpisodeRing {
  private readonly blocks = new Deque<EpisodeRows>();
  /** A block that has become free, for the next that is needed. */
  private spare: EpisodeRows | undefined;
  /** Numbers of the first episode that is still there and of the next one: lists hold numbers. */
  private first = 0;
  private next = 0;
  private usedBytes = 0;
  private readonly byUser = new Map<string, number[]>();
  private readonly byAddress = new Map<string, number[]>();
  private readonly bySocket = new Map<string, number>();

  /**
   * @param maxBytes of rows, texts and index together, as they are reckoned; the memory is taken as it is needed
   * @param perUser episodes that are kept of one user
   */
  constructor(
    private readonly maxBytes: number,
    private readonly perUser = EPISODES_PER_KEY,
  ) {}

  get count(): number {
    return this.next - this.first;
  }

  get bytes(): number {
    return this.usedBytes;
  }

  add(episode: Episode): void {
    if (this.maxBytes < LEAST_BYTES) return;
    const number = this.next++;
    const row = number % ROWS;
    const block = this.blockFor(number);
    block.put(row, episode);
    const { user, address, socketId } = episode;
    if (user !== null) push(this.byUser, user, number, this.perUser);
    push(this.byAddress, address, number, EPISODES_PER_KEY);
    if (socketId !== null) this.bySocket.set(socketId, number);
    this.usedBytes += INDEX_BYTES + block.bytesOf(row);
    while (this.usedBytes > this.maxBytes) this.dropOldest();
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
    return numbers.map((number) => this.blockOf(number).get(number % ROWS));
  }

  private blockOf(number: number): EpisodeRows {
    return this.blocks.at(Math.floor(number / ROWS) - Math.floor(this.first / ROWS));
  }

  private blockFor(number: number): EpisodeRows {
    if (number % ROWS !== 0) return this.blockOf(number);
    const block = this.spare ?? new EpisodeRows();
    this.spare = undefined;
    this.blocks.push(block);
    return block;
  }

  private dropOldest(): void {
    const number = this.first;
    const row = number % ROWS;
    const block = this.blockOf(number);
    const { user, address, socketId } = block.subjectOf(row);
    this.usedBytes -= INDEX_BYTES + block.bytesOf(row);
    block.clear(row);
    this.first++;
    if (this.first % ROWS === 0) this.spare = this.blocks.shift();
    if (user !== null) shift(this.byUser, user, number);
    shift(this.byAddress, address, number);
    if (socketId !== null && this.bySocket.get(socketId) === number) this.bySocket.delete(socketId);
  }
}

function push(lists: Map<string, number[]>, key: string, number: number, most: number): void {
  const list = lists.get(key);
  if (!list) lists.set(key, [number]);
  else if (list.push(number) > most) list.shift();
}

function shift(lists: Map<string, number[]>, key: string, number: number): void {
  const list = lists.get(key);
  if (list?.[0] !== number) return;
  list.shift();
  if (list.length === 0) lists.delete(key);
}
