import { Injectable } from '@nestjs/common';
import { Publisher } from '../delivery/publisher.js';
import type { Arrival, NodeCommand, NodeHooks, PresenceChange, Receipts } from '../engine/engine.js';
import type { SocketEntry } from '../protocol/entries.js';
import { Recovery } from '../rooms/recovery.service.js';

/** What the engine asks of this process, passed on to whose business it is. */
@Injectable()
export class EngineHooks implements NodeHooks {
  constructor(
    private readonly publisher: Publisher,
    private readonly recovery: Recovery,
  ) {}

  arrived(arrival: Arrival): Promise<Receipts> | undefined {
    return this.publisher.arrived(arrival);
  }

  takeOver(socketId: string): void {
    this.recovery.takeOver(socketId);
  }

  async carryOut(_command: NodeCommand): Promise<number> {
    return 0;
  }

  presence(_change: PresenceChange): void {}

  *sockets(): Iterable<SocketEntry> {}

  fenced(): void {}
}
