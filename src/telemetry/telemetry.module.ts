import { Global, Module, type Provider } from '@nestjs/common';
import { DeadlineWheel } from '../timers/deadline-wheel.js';
import { StallWatch } from '../timers/stall-watch.js';
import { createStallWatch } from './event-loop.js';
import { HealthDetails } from './health-details.js';
import { Metrics } from './metrics.js';

const PROVIDERS: Provider[] = [
  Metrics,
  HealthDetails,
  DeadlineWheel,
  { provide: StallWatch, inject: [Metrics], useFactory: createStallWatch },
];

/** What the gateway counts and shows of itself, and its clocks. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class TelemetryModule {}
