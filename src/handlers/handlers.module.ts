import { Global, Module, type Provider } from '@nestjs/common';
import { RemoteLogin } from '../access/remote-login.js';
import { RemoteEvents } from '../backend/remote-events.js';
import { EventHandlers } from './event-handlers.js';
import { HandlerMetrics } from './handler-metrics.js';
import { LoginHandlers } from './login-handlers.js';
import { RemoteHandlers } from './remote-handlers.js';

const PROVIDERS: Provider[] = [
  HandlerMetrics,
  RemoteHandlers,
  { provide: RemoteEvents, useClass: EventHandlers },
  { provide: RemoteLogin, useClass: LoginHandlers },
];

/** Backends that answer events, and say who connects, stays and enters. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class HandlersModule {}
