import { Global, Module, type Provider } from '@nestjs/common';
import { HELD_HERE } from '../engine/registry.js';
import { GatewayRegistry } from './gateway-registry.js';
import { LocalRegistry } from './local-registry.js';
import { Registration } from './registration.js';
import { RegistryChanges } from './registry-changes.js';
import { SocketRegistry } from './socket-registry.js';

const PROVIDERS: Provider[] = [
  LocalRegistry,
  { provide: HELD_HERE, useExisting: LocalRegistry },
  RegistryChanges,
  Registration,
  { provide: SocketRegistry, useClass: GatewayRegistry },
];

/** Who is connected, here and on all nodes. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class RegistryModule {}
