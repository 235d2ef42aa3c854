import { Controller, Get, Header, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiExcludeController } from '../platform/openapi-metadata.js';
import { ApiKeyGuard, RequireScope } from '../access/api-key.guard.js';
import { OriginGuard } from '../http/origin.guard.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { Engine } from '../engine/engine.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { LocalRegistry } from '../registry/local-registry.js';
import { Presence } from '../rooms/presence/presence.service.js';
import { Metrics } from '../telemetry/metrics.js';

/** Counters and gauges of this node for Prometheus. [O1] */
@ApiExcludeController()
@Controller({ path: 'metrics', version: VERSION_NEUTRAL })
@UseGuards(OriginGuard, ApiKeyGuard)
@UseFilters(ProblemFilter)
export class MetricsController {
  constructor(
    private readonly metrics: Metrics,
    registry: LocalRegistry,
    presence: Presence,
    engine: Engine,
    { id, host, pid, version }: NodeIdentity,
  ) {
    metrics.info('build_info', 'What this node is and where it runs', {
      node: id,
      host,
      pid: String(pid),
      version,
    });
    metrics.gauge('sockets', 'Sockets connected to this node', () => registry.socketCount);
    metrics.gauge('users', 'Users online on this node', () => registry.userCount);
    metrics.gauge('rooms', 'Rooms with a socket of this node', () => registry.roomCount);
    metrics.gauge(
      'presence_held',
      'Users per room whose connection broke and who are not yet told to have left',
      () => presence.heldCount,
    );
    for (const { name, help, value } of engine.gauges) metrics.gauge(name, help, value);
  }

  @Get()
  @RequireScope('metrics')
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  scrape(): Promise<string> {
    return this.metrics.scrape();
  }
}
