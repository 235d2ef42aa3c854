import { Injectable } from '@nestjs/common';
import type { BlockEntry, Page } from '../protocol/entries.js';
import type { PageRequest } from '../protocol/paging.js';
import type { Subject } from '../protocol/publication.js';
import { CommandPort } from './command-port.js';

/** What is revoked: one token, or all that a user was given before a time. Times are seconds since 1970. [A6] */
export type RevokedTokens =
  | { readonly jti: string; readonly expiresAt?: number }
  | { readonly user: string; readonly issuedBefore: number; readonly expiresAt?: number };

/**
 * Moves sockets between rooms, ends them, and shuts users and tokens out, on all nodes.
 *
 * ```ts
 * await control.join({ user: '42' }, 'chat:7');
 * await control.disconnect({ user: '42' }, { reconnect: true });
 * await control.block('42');
 * ```
 *
 * Each promise resolves when it holds: the socket is in the room, has left the registry, can no longer come in. A subject is
 * `{ socketId }` or `{ user }`; a user without sockets is no error.
 *
 * Errors: `payload.invalid` and `room.invalid` for names that cannot be, `access.denied` for a room that nobody is put into by
 * hand (a socket's own, a user's), `socket.not_found`, `engine.unavailable`.
 *
 * @see N7 A6 M3
 */
@Injectable()
export class SocketControl {
  constructor(private readonly commands: CommandPort) {}

  /** Puts a socket, or all sockets of a user, into a room. */
  async join(subject: Subject, room: string): Promise<void> {
    await this.commands.run('join', { ...subject, room });
  }

  /** Takes a socket, or all sockets of a user, out of a room. */
  async leave(subject: Subject, room: string): Promise<void> {
    await this.commands.run('leave', { ...subject, room });
  }

  /**
   * Ends a socket, or all sockets of a user.
   *
   * @param options `reconnect: true` lets stock clients come back by themselves; default false
   * @returns how many were ended
   */
  async disconnect(subject: Subject, options: { readonly reconnect?: boolean } = {}): Promise<number> {
    const { disconnected } = await this.commands.run('disconnect', { ...subject, ...options });
    return disconnected;
  }

  /** Keeps a user out until it is unblocked, and ends its sockets. */
  async block(user: string): Promise<void> {
    await this.commands.run('block', { user });
  }

  /** Lets a user in again. */
  async unblock(user: string): Promise<void> {
    await this.commands.run('unblock', { user });
  }

  /** One page of the users that are blocked. */
  getBlocks(request: PageRequest = {}): Promise<Page<BlockEntry>> {
    return this.commands.run('blocks', request);
  }

  /** Revokes one token, or all that a user was given before a time, and ends the sockets that live by them. */
  async revoke(tokens: RevokedTokens): Promise<void> {
    await this.commands.run('revoke', tokens);
  }
}
