import { Injectable } from '@nestjs/common';
import { Engine } from '../engine/engine.js';
import type { HistoryEntry, HistoryPage } from '../engine/log.js';
import { SwitchboardError } from '../protocol/errors.js';
import { MAX_BINARY_PARTS, measureValue } from '../protocol/json.js';
import type { Position } from '../protocol/publication.js';

/** How many publications a page holds when nobody says. */
const DEFAULT_LIMIT = 100;

/** Part of a room's history, as clients and backends get it. [H1] [H2] */
export interface HistoryAnswer {
  readonly epoch: string;
  readonly offset: number;
  readonly publications: readonly HistoryEntry[];
  readonly more: boolean;
  /** With `since` only: whether what follows is all that was published after it. */
  readonly recovered?: boolean;
}

/** A room's position, and with `since` what was published after it. */
export interface CatchUp extends Position {
  readonly recovered?: boolean;
  readonly publications?: readonly HistoryEntry[];
}

/** How many publications from the front one packet can carry: one at least, since each is deliverable by itself. */
function countWithinPacket(publications: readonly HistoryEntry[]): number {
  let binaryParts = 0;
  const tooMany = publications.findIndex(({ args }) => {
    binaryParts += measureValue(args).binaryParts;
    return binaryParts > MAX_BINARY_PARTS;
  });
  return tooMany === -1 ? publications.length : Math.max(tooMany, 1);
}

/**
 * As much of a page as a client can take in one answer; `more` says that it goes on. Over HTTP binary is text, and nothing
 * has to be left out. [D3]
 */
export function withinPacket(page: HistoryAnswer): HistoryAnswer {
  const count = countWithinPacket(page.publications);
  if (count === page.publications.length) return page;
  return { ...page, publications: page.publications.slice(0, count), more: true };
}

/** Reads what rooms have kept. */
@Injectable()
export class History {
  constructor(private readonly engine: Engine) {}

  keeps(room: string): boolean {
    return this.engine.history.keeps(room);
  }

  /**
   * Refuses what a user publishes into a room that keeps history while it is over its quota. [Q7]
   *
   * @throws SwitchboardError `limit.rate`
   */
  assertWithinQuota(room: string, user: string): void {
    const { history } = this.engine;
    const retryAfterMs = history.overQuotaMs(user);
    if (retryAfterMs === 0 || !history.keeps(room)) return;
    throw new SwitchboardError('limit.rate', {
      message: 'this user publishes more into histories than is its share of a minute',
      retryAfterMs,
    });
  }

  /** @throws SwitchboardError `history.disabled`, `engine.unavailable` */
  async read(
    room: string,
    { since, limit = DEFAULT_LIMIT }: { readonly since?: Position; readonly limit?: number },
  ): Promise<HistoryAnswer> {
    this.assertKept(room);
    const { covered, ...page } = await this.engine.history.read(room, { since, limit });
    return since === undefined ? page : { ...page, recovered: covered };
  }

  /** @throws SwitchboardError `history.disabled`, `engine.unavailable` */
  async drop(room: string): Promise<void> {
    this.assertKept(room);
    await this.engine.history.drop(room);
  }

  /**
   * Where a room stands and everything after `since`: all of it, or `recovered: false` and none of it. [H2]
   *
   * It is for one answer, so more binary than a client can take in one is none of it as well. [D3]
   */
  async catchUp(room: string, since: Position | undefined): Promise<CatchUp> {
    const limit = since === undefined ? 1 : Number.MAX_SAFE_INTEGER;
    const arrived = since !== undefined;
    const page: HistoryPage = await this.engine.history.read(room, { since, limit, arrived });
    const { epoch, offset, covered, more, publications } = page;
    if (since === undefined) return { epoch, offset };
    const recovered = covered && !more && countWithinPacket(publications) === publications.length;
    return { epoch, offset, recovered, publications: recovered ? publications : [] };
  }

  private assertKept(room: string): void {
    if (!this.keeps(room)) throw new SwitchboardError('history.disabled');
  }
}
