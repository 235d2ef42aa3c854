import { Injectable, Logger } from '@nestjs/common';
import { Broadcaster } from 'switchboard-gateway/client';
import type { Order } from './order.js';

const PACKING_MS = 2000;

/** Pushes when it has something to say, to all devices of the user, whichever node they are on. */
@Injectable()
export class Warehouse {
  private readonly log = new Logger(Warehouse.name);

  constructor(private readonly broadcaster: Broadcaster) {}

  pack(order: Order): void {
    setTimeout(() => void this.ship(order), PACKING_MS);
  }

  private async ship(order: Order): Promise<void> {
    try {
      await this.broadcaster.toUsers(order.user).emit('order:shipped', order);
    } catch (failure) {
      this.log.warn(`order ${order.id}: its user was not told: ${String(failure)}`);
    }
  }
}
