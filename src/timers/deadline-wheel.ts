import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Deadlines } from './deadlines.js';
import { steadyNow } from './steady-clock.js';

/** Deadlines of the sockets of this node, by {@link steadyNow}. */
@Injectable()
export class DeadlineWheel extends Deadlines implements OnModuleDestroy {
  constructor() {
    super(steadyNow);
  }

  onModuleDestroy(): void {
    this.stop();
  }
}
