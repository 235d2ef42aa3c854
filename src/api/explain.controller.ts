import { Get, Query } from '@nestjs/common';
import type { z } from 'zod';
import type { Call } from '../backend/call.js';
import { CommandRunner } from '../backend/command-runner.js';
import type { CommandResult } from '../backend/commands.js';
import { explainAnswer, explainRequest, topAnswer, topRequest } from '../backend/explain.schemas.js';
import type { Answer } from '../engine/log.js';
import { ApiCall } from './api-call.decorator.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';

/** Why something happened, read from the flight record. [X2] [X3] [X5] */
@ApiController('Explain', 'v1')
export class ExplainController {
  constructor(private readonly commands: CommandRunner) {}

  @Get('explain')
  @ApiRoute(
    'explain',
    'Why a user, a socket or an address fares as it does; who got a publication',
    {
      200: explainAnswer,
    },
    ['explain.disabled'],
  )
  explain(
    @Query({ schema: explainRequest }) query: z.output<typeof explainRequest>,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'explain'>> {
    return this.commands.run('explain', query, call);
  }

  @Get('top')
  @ApiRoute('top', 'The heaviest users, rooms, addresses or keys', { 200: topAnswer }, ['explain.disabled'])
  top(
    @Query({ schema: topRequest }) query: z.output<typeof topRequest>,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'top'>> {
    return this.commands.run('top', query, call);
  }
}
