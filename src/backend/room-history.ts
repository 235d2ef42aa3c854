import { Injectable } from '@nestjs/common';
import { decodeArguments } from '../protocol/json.js';
import type { Position } from '../protocol/publication.js';
import type { HistoryAnswer } from '../rooms/history.service.js';
import { CommandPort } from './command-port.js';

/** Which part of a history: what was published after `since`; without it the last `limit`, oldest first. */
export interface HistoryQuery {
  readonly since?: Position;
  /** 1 to 1,000; default 100. */
  readonly limit?: number;
}

/**
 * Reads what rooms have kept, oldest first.
 *
 * Errors: `history.disabled` for a room that keeps none, `room.invalid`, `payload.invalid`, `engine.unavailable`.
 *
 * @see N7 H1 H2
 */
@Injectable()
export class RoomHistory {
  constructor(private readonly commands: CommandPort) {}

  /** Part of a room's history; `more` says that it goes on after the last publication given. */
  async read(room: string, { since, limit }: HistoryQuery = {}): Promise<HistoryAnswer> {
    const { publications, ...page } = await this.commands.run('history', {
      room,
      limit,
      since: since && `${since.epoch}:${since.offset}`,
    });
    // Commands give JSON, with binary as text.
    return {
      ...page,
      publications: publications.map((each) => ({ ...each, args: decodeArguments(each.args) })),
    };
  }

  /** Forgets what a room has kept. */
  async drop(room: string): Promise<void> {
    await this.commands.run('dropHistory', { room });
  }
}
