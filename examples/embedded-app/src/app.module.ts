import { Module } from '@nestjs/common';
import { SwitchboardModule } from 'switchboard-gateway';
import { OrdersModule } from './orders/orders.module.js';
import { SupportModule } from './support/support.module.js';

/**
 * What is not given to `forRoot` comes from the environment, `SWITCHBOARD_JWT_SECRET` for example. Without it the clients
 * name themselves, on this machine only.
 */
@Module({
  imports: [
    SwitchboardModule.forRoot({ maxPayloadBytes: 20_000, clientsNameThemselves: true }),
    OrdersModule,
    SupportModule,
  ],
})
export class AppModule {}
