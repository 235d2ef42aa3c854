import {
  Catch,
  Controller,
  Get,
  ServiceUnavailableException,
  UseFilters,
  VERSION_NEUTRAL,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import {
  HealthCheck,
  HealthCheckService,
  HealthIndicatorService,
  type HealthCheckResult,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import type { Response } from 'express';
import { Engine } from '../engine/engine.js';
import { Drain } from '../sockets/drain.js';
import { HealthDetails } from '../telemetry/health-details.js';

/** A probe reads which check failed, which a problem document would not say; and it is no failure to log. */
@Catch(ServiceUnavailableException)
class NotReadyFilter implements ExceptionFilter {
  catch(failure: ServiceUnavailableException, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<Response>().status(failure.getStatus()).json(failure.getResponse());
  }
}

/** For probes: is the process alive, and may it be given clients. [O1] */
@ApiExcludeController()
@Controller({ path: 'health', version: VERSION_NEUTRAL })
@UseFilters(NotReadyFilter)
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly engine: Engine,
    private readonly drain: Drain,
    private readonly details: HealthDetails,
  ) {}

  @Get('live')
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([
      () => this.gateway(),
      () => this.sharedState(),
      ...this.details.read().map(
        ([name, states]) =>
          () =>
            this.indicators.check(name).up(states),
      ),
    ]);
  }

  private gateway(): HealthIndicatorResult {
    const indicator = this.indicators.check('gateway');
    return this.drain.active ? indicator.down({ state: 'draining' }) : indicator.up();
  }

  private sharedState(): HealthIndicatorResult {
    const indicator = this.indicators.check('engine');
    const health = this.engine.health();
    const { kind } = this.engine;
    if (health.state === 'ready') return indicator.up({ kind, state: 'ready' });
    if (health.state === 'starting') return indicator.down({ kind, state: 'starting' });
    // Local delivery goes on; what other nodes have to know of does not reach them. [O3]
    return indicator.down({
      kind,
      state: 'degraded',
      reason: health.reason,
      since: health.since.toISOString(),
    });
  }
}
