import { Get } from '@nestjs/common';
import type { Call } from '../backend/call.js';
import { CommandRunner } from '../backend/command-runner.js';
import type { CommandResult } from '../backend/commands.js';
import { nodeEntry, stats } from '../protocol/entries.js';
import type { Answer } from '../engine/log.js';
import { ApiCall } from './api-call.decorator.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { pageOf } from './schemas.js';

@ApiController('Nodes', 'v1')
export class StatsController {
  constructor(private readonly commands: CommandRunner) {}

  @Get('nodes')
  @ApiRoute('nodes', 'The gateway processes', { 200: pageOf(nodeEntry) })
  nodes(@ApiCall() call: Call): Answer<CommandResult<'nodes'>> {
    return this.commands.run('nodes', {}, call);
  }

  @Get('stats')
  @ApiRoute('stats', 'Totals', { 200: stats })
  stats(@ApiCall() call: Call): Answer<CommandResult<'stats'>> {
    return this.commands.run('stats', {}, call);
  }
}
