import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { endSocket } from '../delivery/end-socket.js';
import { SwitchboardError } from '../protocol/errors.js';
import { Namespaces } from '../registry/namespaces.js';

/** Between two batches of goodbyes. */
const BATCH_INTERVAL_MS = 50;
/**
 * A small node does not wait for the whole window; 100 a second is what the others hardly notice. Each client that comes
 * back costs them and Redis some milliseconds of CPU, and whoever waits for that is late.
 */
const MIN_BATCH_SIZE = 5;

/**
 * Sends everyone away before the process ends, in paced batches, so that they do not all come back elsewhere in one
 * moment. [O2]
 */
@Injectable()
export class Drain implements OnModuleDestroy {
  private readonly logger = new Logger('Gateway');
  private draining = false;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly namespaces: Namespaces,
  ) {}

  /** New sockets are refused and readiness is withdrawn from the moment this is true. */
  get active(): boolean {
    return this.draining;
  }

  async onModuleDestroy(): Promise<void> {
    if (this.draining) return;
    this.draining = true;
    const sockets = [...this.namespaces.allSockets()];
    if (sockets.length > 0) this.logger.log('draining', { sockets: sockets.length });
    const batches = Math.max(1, Math.floor(this.config.drainWindowMs / BATCH_INTERVAL_MS));
    const size = Math.max(MIN_BATCH_SIZE, Math.ceil(sockets.length / batches));
    const goodbyes: Promise<void>[] = [];
    for (let start = 0; start < sockets.length; start += size) {
      if (start > 0) await delay(BATCH_INTERVAL_MS);
      for (const socket of sockets.slice(start, start + size)) goodbyes.push(endSocket(socket, goodbye()));
    }
    await Promise.all(goodbyes);
    // Whoever had been let in already when it began has connected meanwhile.
    await Promise.all([...this.namespaces.allSockets()].map((socket) => endSocket(socket, goodbye())));
  }
}

/** Each client is told another moment to come back. */
const goodbye = (): SwitchboardError =>
  new SwitchboardError('server.draining', { retryAfterMs: 200 + Math.floor(Math.random() * 1000) });
