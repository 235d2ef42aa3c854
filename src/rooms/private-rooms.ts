import { Injectable } from '@nestjs/common';
import { Engine } from '../engine/engine.js';
import { SwitchboardError } from '../protocol/errors.js';
import { looksLikeSocketId } from '../protocol/names.js';
import { Namespaces } from '../sockets/namespaces.js';

/** Knows the rooms that are a socket's own, whatever node it is on: they carry private traffic. [M3] */
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
    const { registry } = this.engine;
    if (!registry || !looksLikeSocketId(name)) return undefined;
    return registry.socket(name).then((socket) => {
      if (socket) throw new SwitchboardError('access.denied');
    });
  }
}
