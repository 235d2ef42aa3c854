import { Global, Module, type Provider } from '@nestjs/common';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { Metrics } from '../telemetry/metrics.js';
import { StallWatch } from '../timers/stall-watch.js';
import { createEngine } from './create-engine.js';
import { Engine } from './engine.js';
import { MEMORY_ENGINE_CLOCK } from './memory/memory-engine.js';
import { HELD_HERE } from './registry.js';
import { NodeIdentity } from './node-identity.js';

const PROVIDERS: Provider[] = [
  NodeIdentity,
  {
    provide: Engine,
    inject: [
      SWITCHBOARD_CONFIG,
      NodeIdentity,
      Metrics,
      StallWatch,
      HELD_HERE,
      { token: MEMORY_ENGINE_CLOCK, optional: true },
    ],
    useFactory: createEngine,
  },
];

/** Where shared state lives, and who this node is. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class EngineModule {}
