import { Injectable } from '@nestjs/common';
import { Engine } from '../engine/engine.js';
import type { HistoryEntry, HistoryPage } from '../engine/log.js';
import { SwitchboardError } from '../protocol/errors.js';
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

/** Reads what rooms have kept. */
@Injectable()
export class History {
  constructor(private readonly engine: Engine) {}

  keeps(room: string): boolean {
    return this.engine.history.keeps(room);
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

  /** Where a room stands and everything after `since`: all of it, or `recovered: false` and none of it. [H2] */
  async catchUp(room: string, since: Position | undefined): Promise<CatchUp> {
    const limit = since === undefined ? 1 : Number.MAX_SAFE_INTEGER;
    const arrived = since !== undefined;
    const page: HistoryPage = await this.engine.history.read(room, { since, limit, arrived });
    const { epoch, offset, covered, more, publications } = page;
    if (since === undefined) return { epoch, offset };
    const recovered = covered && !more;
    return { epoch, offset, recovered, publications: recovered ? publications : [] };
  }

  private assertKept(room: string): void {
    if (!this.keeps(room)) throw new SwitchboardError('history.disabled');
  }
}
