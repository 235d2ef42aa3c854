import { Controller, Get, Header, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { ApiKeyGuard, RequireScope } from '../access/api-key.guard.js';
import { OriginGuard } from '../access/origin.guard.js';
import { ProblemFilter } from '../api/problem.filter.js';
import { collectDefaultMetrics } from 'prom-client';
import { LocalRegistry } from '../registry/local-registry.js';
import { Metrics } from './metrics.js';

/** Counters and gauges of this node for Prometheus. [O1] */
@ApiExcludeController()
@Controller('metrics')
@UseGuards(OriginGuard, ApiKeyGuard)
@UseFilters(ProblemFilter)
export class MetricsController {
  constructor(
    private readonly metrics: Metrics,
    registry: LocalRegistry,
  ) {
    collectDefaultMetrics({ register: metrics.registry });
    metrics.gauge('sockets', 'Sockets connected to this node', () => registry.socketCount);
    metrics.gauge('users', 'Users online on this node', () => registry.userCount);
    metrics.gauge('rooms', 'Rooms with a socket of this node', () => registry.roomCount);
  }

  @Get()
  @RequireScope('metrics')
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  scrape(): Promise<string> {
    return this.metrics.registry.metrics();
  }
}
