import {
  Body,
  Controller,
  HttpCode,
  Param,
  Post,
  StandardSchemaValidationPipe,
  UsePipes,
} from '@nestjs/common';
import { z } from 'zod';
import { OrdersService, type Order, type Shipped } from './orders.service.js';

const placeOrder = z.object({ customer: z.string().min(1) });
const shipOrder = z.object({ carrier: z.string().min(1) });

@Controller('orders')
@UsePipes(new StandardSchemaValidationPipe())
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  place(@Body({ schema: placeOrder }) { customer }: z.infer<typeof placeOrder>): Order {
    return this.orders.place(customer);
  }

  @Post(':id/shipment')
  @HttpCode(200)
  ship(
    @Param('id') id: string,
    @Body({ schema: shipOrder }) { carrier }: z.infer<typeof shipOrder>,
  ): Promise<Shipped> {
    return this.orders.ship(id, carrier);
  }
}
