import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { Broadcaster, SocketRegistry } from 'switchboard-gateway';
import type { ShopEvents } from '../events.js';

export interface Order {
  readonly id: string;
  readonly customer: string;
  readonly carrier?: string;
}

/** What became of telling the customer: whether one of its devices is connected, and how many were told. */
export interface Shipped extends Order {
  readonly customerOnline: boolean;
  readonly devicesTold: number;
}

@Injectable()
export class OrdersService {
  private readonly orders = new Map<string, Order>();

  constructor(
    private readonly registry: SocketRegistry,
    private readonly broadcaster: Broadcaster<ShopEvents>,
  ) {}

  place(customer: string): Order {
    const order = { id: String(this.orders.size + 1), customer };
    this.orders.set(order.id, order);
    return order;
  }

  async ship(id: string, carrier: string): Promise<Shipped> {
    const order = this.orders.get(id);
    if (!order) throw new NotFoundException(`there is no order ${id}`);
    if (order.carrier) throw new ConflictException(`order ${id} is on its way already`);
    const shipped = { ...order, carrier };
    this.orders.set(id, shipped);

    const { online } = await this.registry.getUser(order.customer);
    const { matched } = await this.broadcaster.toUsers(order.customer).emit('order:shipped', { id, carrier });
    return { ...shipped, customerOnline: online, devicesTold: matched };
  }
}
