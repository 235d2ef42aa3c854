import { Injectable } from '@nestjs/common';
import { Engine } from '../engine/engine.js';
import { SwitchboardError } from '../protocol/errors.js';
import { looksLikeSocketId } from '../protocol/names.js';
import { Namespaces } from '../sockets/namespaces.js';

/**
 * Knows the rooms that are a socket's own, whatever node it is on: they carry private traffic. So does that of a session
 * whose client is away: it may come back as this socket. [M3]
 */
@Injectable()
export class PrivateRooms {
  constructor(
    private readonly engine: Engine,
    private readonly namespaces: Namespaces,
  ) {}

  /**
   * Refuses a room that is a socket's own. Shared state is asked only for names that look like it; while it is gone,
   * nobody is let into such a room on a guess.
   *
   * @returns nothing to wait for unless shared state has to be asked
   * @throws SwitchboardError `access.denied`, `engine.unavailable`
   */
  assertNoSocketId(name: string): Promise<void> | undefined {
    if (this.namespaces.isSocketId(name)) throw new SwitchboardError('access.denied');
    if (!looksLikeSocketId(name)) return undefined;
    const { registry, sessions } = this.engine;
    const ofSession = sessions.isSocketId(name);
    if (ofSession === true) throw new SwitchboardError('access.denied');
    if (!registry) return undefined;
    return Promise.all([registry.socket(name), ofSession]).then(([socket, isOfSession]) => {
      if (socket || isOfSession) throw new SwitchboardError('access.denied');
    });
  }
}
