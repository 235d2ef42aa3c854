import { Module } from '@nestjs/common';
import { Transport } from '@nestjs/microservices';
import { SwitchboardClientModule } from 'switchboard-gateway/client';
import { OrdersController } from './orders.controller.js';
import { Warehouse } from './warehouse.js';

/** The order service. Its connection to the gateway is all that it has of it. */
@Module({
  imports: [
    SwitchboardClientModule.register({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: Number(process.env['MESSAGES_PORT'] ?? 4002) },
    }),
  ],
  controllers: [OrdersController],
  providers: [Warehouse],
})
export class OrdersModule {}
