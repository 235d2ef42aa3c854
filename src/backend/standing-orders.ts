import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Engine, type NodeCommand } from '../engine/engine.js';
import type { Answer } from '../engine/log.js';

const RETRY_MS = 500;
/** More stand at a time only while shared state is away for long; the oldest go. */
const MAX_STANDING = 10_000;

type Kick = Extract<NodeCommand, { do: 'disconnect' }>;

/**
 * Kicks that could not be told to the other nodes: they stand until they have been. [A8]
 *
 * Only those that let nobody come back: a client that was to come back is where it was to be.
 */
@Injectable()
export class StandingOrders implements OnApplicationShutdown {
  private readonly kicks = new Map<
    string,
    { readonly command: Kick; readonly inSessions: () => Answer<void> }
  >();
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(private readonly engine: Engine) {}

  /** @param inSessions what the command does to sessions whose client is away */
  stand(command: NodeCommand, inSessions: () => Answer<void>): void {
    if (command.do !== 'disconnect' || command.reconnect || this.isStopped) return;
    this.kicks.set(JSON.stringify(command.subject), { command, inSessions });
    for (const oldest of this.kicks.keys()) {
      if (this.kicks.size <= MAX_STANDING) break;
      this.kicks.delete(oldest);
    }
    this.tryLater();
  }

  onApplicationShutdown(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private tryLater(): void {
    if (this.isStopped || this.kicks.size === 0) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.tell().then(
        () => this.tryLater(),
        () => this.tryLater(),
      );
    }, RETRY_MS).unref();
  }

  private async tell(): Promise<void> {
    for (const [key, kick] of this.kicks) {
      await kick.inSessions();
      await this.engine.command(kick.command);
      if (this.kicks.get(key) === kick) this.kicks.delete(key);
    }
  }
}
