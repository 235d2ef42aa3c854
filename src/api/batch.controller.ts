import { Body, HttpCode, Post } from '@nestjs/common';
import { ApiBody } from '../platform/openapi-metadata.js';
import {
  batchAnswer,
  batchRequest,
  batchRequestDocument,
  type BatchRequest,
} from '../backend/batch.schemas.js';
import type { Call } from '../backend/call.js';
import { CommandRunner } from '../backend/command-runner.js';
import type { CommandResult } from '../backend/commands.js';
import type { Answer } from '../engine/log.js';
import { ApiCall, TakesIdempotencyKey } from './api-call.decorator.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';

@ApiController('Delivery', 'v1/batch')
export class BatchController {
  constructor(private readonly commands: CommandRunner) {}

  @Post()
  @HttpCode(200)
  @TakesIdempotencyKey()
  @ApiBody({ standardSchema: batchRequestDocument })
  @ApiRoute(
    'batch',
    'Carry out commands in order; one that fails does not stop the rest',
    { 200: batchAnswer },
    ['idempotency.conflict'],
  )
  run(
    @Body({ schema: batchRequest }) request: BatchRequest,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'batch'>> {
    return this.commands.run('batch', request, call);
  }
}
