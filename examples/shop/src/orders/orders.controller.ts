import { Controller } from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import type { ClientEvent, Order } from './order.js';
import { Warehouse } from './warehouse.js';

/** Answers what clients send: the pattern is the event, the value that is returned its acknowledgement. */
@Controller()
export class OrdersController {
  private lastId = 0;

  constructor(private readonly warehouse: Warehouse) {}

  @MessagePattern('order:place')
  place(@Payload() { user, args: [wanted] }: ClientEvent): Order {
    const { item } = (wanted ?? {}) as { item?: unknown };
    if (item !== 'tea') throw new RpcException({ code: 'sold_out', message: 'there is only tea' });
    const order = { id: ++this.lastId, user, item };
    this.warehouse.pack(order);
    return order;
  }
}
