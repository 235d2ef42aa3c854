import { Injectable, Logger } from '@nestjs/common';
import { Metrics } from '../telemetry/metrics.js';
import type { Participant, Refusal } from '../sockets/participants.js';

/** Counts the clients that are refused, and says why. [L10] */
@Injectable()
export class RefusalLog implements Participant {
  private readonly logger = new Logger('Gateway');

  constructor(private readonly metrics: Metrics) {}

  refused(refusal: Refusal): void {
    this.metrics.refused(refusal.code);
    this.logger.debug('a client was refused', { code: refusal.code, why: refusal.why });
  }
}
