import { NestFactory } from '@nestjs/core';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { OrdersModule } from './orders.module.js';

const port = Number(process.env['ORDERS_PORT'] ?? 4001);

const service = await NestFactory.createMicroservice<MicroserviceOptions>(OrdersModule, {
  transport: Transport.TCP,
  options: { host: '127.0.0.1', port },
  logger: ['error', 'warn'],
});
service.enableShutdownHooks();
await service.listen();
console.log(`order service: tcp://127.0.0.1:${port}`);
