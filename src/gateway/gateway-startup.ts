import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { APP_LOGS_IN } from '../http/origin-policy.js';
import { Engine } from '../engine/engine.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { StallWatch } from '../timers/stall-watch.js';
import { GatewayNodeHooks } from './node-hooks.js';
import { Participants } from '../sockets/participants.js';
import type { SwitchboardIoAdapter } from './switchboard-io.adapter.js';

/** Brings the gateway up and down with its app. */
@Injectable()
export class GatewayStartup implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Gateway');
  private adapter: SwitchboardIoAdapter | undefined;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    @Inject(APP_LOGS_IN) private readonly appLogsIn: boolean,
    private readonly engine: Engine,
    private readonly hooks: GatewayNodeHooks,
    private readonly node: NodeIdentity,
    private readonly stalls: StallWatch,
    private readonly participants: Participants,
  ) {}

  use(adapter: SwitchboardIoAdapter): void {
    this.adapter = adapter;
  }

  /** Nest has registered all gateway classes by now, and nobody can connect yet. */
  async onModuleInit(): Promise<void> {
    if (!this.adapter) {
      throw new Error(
        'SwitchboardModule is imported but not set up: call setupSwitchboard(app) before listen()',
      );
    }
    this.sayWhoItIs();
    this.stalls.start();
    await this.engine.start(this.hooks);
    this.adapter.wire();
    this.sayMode();
    this.sayWhetherShared();
  }

  /** After the last socket has gone. */
  async onApplicationShutdown(): Promise<void> {
    this.stalls.stop();
    await this.participants.stopping();
    await this.engine.stop();
  }

  /** The name under which other nodes and the API know this process. [O4] */
  private sayWhoItIs(): void {
    const { id, host, pid, version } = this.node;
    this.logger.log('this node', { node: id, host, pid, version });
  }

  /** A wrong address would show only in `/health/ready`: who has never been there has not been lost. */
  private sayWhetherShared(): void {
    const health = this.engine.health();
    if (health.state !== 'unavailable') return;
    this.logger.warn(`shared state cannot be used yet: ${health.reason}; goes on trying`);
  }

  /** One line that says who may do what, and why. [C4] */
  private sayMode(): void {
    if (this.appLogsIn) this.logger.log('clients are let in by the login of the app');
    if (this.config.mode === 'secured') {
      this.logger.log('secured mode: a JWT key or an API key is set, so what is not granted is refused');
    } else if (this.config.open) {
      this.logger.warn(
        'open mode: SWITCHBOARD_OPEN=true and no JWT key or API key is set, so everyone may do everything',
      );
    } else {
      this.logger.warn(
        'open mode: no JWT key or API key is set, so everyone on this machine may do everything; others are refused',
      );
    }
  }
}
