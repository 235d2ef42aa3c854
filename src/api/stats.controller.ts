import { Get } from '@nestjs/common';
import { nodeEntry, stats, type NodeEntry, type Page, type Stats } from '../protocol/entries.js';
import { SocketRegistry } from '../registry/socket-registry.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { pageOf } from './schemas.js';

@ApiController('Nodes', 'v1')
export class StatsController {
  constructor(private readonly registry: SocketRegistry) {}

  @Get('nodes')
  @ApiRoute('read', 'The gateway processes', { 200: pageOf(nodeEntry) })
  async nodes(): Promise<Page<NodeEntry>> {
    const items = await this.registry.getNodes();
    return { items, next: null, total: items.length };
  }

  @Get('stats')
  @ApiRoute('read', 'Totals', { 200: stats })
  stats(): Promise<Stats> {
    return this.registry.getStats();
  }
}
