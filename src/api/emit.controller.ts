import { Body, HttpCode, Post, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { Call } from '../backend/call.js';
import { CommandRunner } from '../backend/command-runner.js';
import type { CommandResult } from '../backend/commands.js';
import { ackAnswer, emitAnswer, emitRequest, type EmitRequest } from '../delivery/publication-schemas.js';
import type { Answer } from '../engine/log.js';
import { isPromiseLike } from '../protocol/promise-like.js';
import { ApiCall, TakesIdempotencyKey } from './api-call.decorator.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';

@ApiController('Delivery', 'v1/emit')
export class EmitController {
  constructor(private readonly commands: CommandRunner) {}

  @Post()
  @HttpCode(202)
  @TakesIdempotencyKey()
  @ApiRoute('emit', 'Send to sockets, users, rooms or everyone', { 202: emitAnswer, 200: ackAnswer }, [
    'event.reserved',
    'room.invalid',
    'idempotency.conflict',
  ])
  emit(
    @Body({ schema: emitRequest }) request: EmitRequest,
    @ApiCall() call: Call,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Answer<CommandResult<'emit'>> {
    const answered = (answer: CommandResult<'emit'>): CommandResult<'emit'> => {
      // Nothing is under way any longer: all acknowledgements are in.
      if ('responses' in answer) response.statusCode = 200;
      return answer;
    };
    const answer = this.commands.run('emit', request, call);
    return isPromiseLike(answer) ? answer.then(answered) : answered(answer);
  }
}
