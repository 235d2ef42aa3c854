/**
 * The gateway as a microservice of an app that embeds it; needs `@nestjs/microservices`.
 */
import type { INestApplication } from '@nestjs/common';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { MicroserviceDoor } from './microservice-door.js';

/**
 * Lets other services of Nest ask the gateway by messages.
 *
 * ```ts
 * setupSwitchboard(app);
 * connectSwitchboard(app, { transport: Transport.NATS, options: { servers: ['nats://broker:4222'], queue: 'switchboard' } });
 * await app.listen(3000);
 * ```
 *
 * Call it after `setupSwitchboard` and before `listen`; several times for several transports. The patterns are
 * `switchboard.emit` and the others of `docs/microservice.md`, with the API keys of the configuration. The server is the
 * gateway's own: message handlers of the app are not on it, and the app's global guards, pipes and interceptors not before it.
 * TCP, NATS, Redis and RabbitMQ make one message take effect once; what else is given as a `strategy` has to do so itself.
 *
 * @throws Error in open mode, where others than this machine could ask
 * @see N1 N3 N4 N5
 */
export function connectSwitchboard(app: INestApplication, options: MicroserviceOptions): void {
  app.get(MicroserviceDoor).add(options);
}
