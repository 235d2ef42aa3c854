import { Logger } from '@nestjs/common';
import { StallWatch } from '../timers/stall-watch.js';
import type { Metrics } from './metrics.js';

/** Says and counts when the event loop of this process stalled. [O4] */
export function createStallWatch(metrics: Metrics): StallWatch {
  const logger = new Logger('Gateway');
  return new StallWatch((durationMs) => {
    metrics.stalled();
    logger.warn('event loop stalled', { durationMs });
  });
}
