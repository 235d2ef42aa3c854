import { Global, Module, type Provider } from '@nestjs/common';
import { ConnectionLog } from './connection-log.js';
import { Settling } from './settling.js';
import { GatewayStartup } from './gateway-startup.js';
import { Handshake } from './handshake.js';
import { Identification } from './identification.js';
import { Lifecycle } from './lifecycle.js';
import { ChangeListeners } from './nest/change-listeners.js';
import { GatewayNodeHooks } from './node-hooks.js';
import { RefusalLog } from './refusal-log.js';
import { SwitchboardGateway } from './switchboard.gateway.js';

const PROVIDERS: Provider[] = [
  ConnectionLog,
  RefusalLog,
  Identification,
  Handshake,
  Lifecycle,
  Settling,
  GatewayNodeHooks,
  ChangeListeners,
  SwitchboardGateway,
  GatewayStartup,
];

/** The door for Socket.IO clients, and for an app's own gateways. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class GatewayModule {}
