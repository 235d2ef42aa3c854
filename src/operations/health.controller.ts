import { Controller, Get, Header, Res, UseFilters, VERSION_NEUTRAL } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { Engine } from '../engine/engine.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { ApiExcludeController } from '../platform/openapi-metadata.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { Drain } from '../sockets/drain.js';
import { HealthDetails } from '../telemetry/health-details.js';

/** One thing that a probe is told of. */
interface Check {
  readonly status: 'up' | 'down';
  readonly [detail: string]: unknown;
}

/** What a probe reads, in the form of `@nestjs/terminus`: which checks passed, which failed, and all of them. */
interface HealthAnswer {
  readonly status: 'ok' | 'error';
  readonly info: Readonly<Record<string, Check>>;
  readonly error: Readonly<Record<string, Check>>;
  readonly details: Readonly<Record<string, Check>>;
}

/** A cache that keeps the answer of a probe would tell of a state that has passed. */
const NOT_KEPT = 'no-cache, no-store, must-revalidate';

/** For probes: is the process alive, and may it be given clients. [O1] */
@ApiExcludeController()
@Controller({ path: 'health', version: VERSION_NEUTRAL })
@UseFilters(ProblemFilter)
export class HealthController {
  constructor(
    private readonly engine: Engine,
    private readonly drain: Drain,
    private readonly details: HealthDetails,
    private readonly node: NodeIdentity,
  ) {}

  @Get('live')
  @Header('Cache-Control', NOT_KEPT)
  live(): HealthAnswer {
    return answerOf({});
  }

  @Get('ready')
  @Header('Cache-Control', NOT_KEPT)
  ready(@Res({ passthrough: true }) response: ServerResponse): HealthAnswer {
    const others = this.details
      .read()
      .map(([name, states]): [string, Check] => [name, { ...states, status: 'up' }]);
    const answer = answerOf({
      gateway: this.gateway(),
      engine: this.sharedState(),
      ...Object.fromEntries(others),
    });
    if (answer.status === 'error') response.statusCode = 503;
    return answer;
  }

  private gateway(): Check {
    const { id, host, pid, version } = this.node;
    const node = { node: id, host, pid, version };
    return this.drain.active ? { status: 'down', state: 'draining', ...node } : { status: 'up', ...node };
  }

  private sharedState(): Check {
    const health = this.engine.health();
    const { kind } = this.engine;
    if (health.state === 'ready') return { status: 'up', kind, state: 'ready' };
    if (health.state === 'starting') return { status: 'down', kind, state: 'starting' };
    // Local delivery goes on; what other nodes have to know of does not reach them. [O3]
    return {
      status: 'down',
      kind,
      state: 'degraded',
      reason: health.reason,
      since: health.since.toISOString(),
    };
  }
}

function answerOf(details: Readonly<Record<string, Check>>): HealthAnswer {
  const having = (status: Check['status']) =>
    Object.fromEntries(Object.entries(details).filter(([, check]) => check.status === status));
  const error = having('down');
  return { status: Object.keys(error).length === 0 ? 'ok' : 'error', info: having('up'), error, details };
}
