import { Body, HttpCode, Post, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { EmitService } from '../backend/emit.service.js';
import { ackAnswer, emitAnswer, emitRequest, type EmitRequest } from '../delivery/publication-schemas.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { Idempotency, IdempotencyKey, TakesIdempotencyKey, type KeyedCall } from './idempotency.js';

@ApiController('Delivery', 'v1/emit')
export class EmitController {
  constructor(
    private readonly emitter: EmitService,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @HttpCode(202)
  @TakesIdempotencyKey()
  @ApiRoute('emit', 'Send to sockets, users, rooms or everyone', { 202: emitAnswer, 200: ackAnswer }, [
    'event.reserved',
    'room.invalid',
    'idempotency.conflict',
  ])
  async emit(
    @Body({ schema: emitRequest }) request: EmitRequest,
    @IdempotencyKey() call: KeyedCall | undefined,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<object> {
    return this.idempotency.once(call, response, async () => {
      const { acknowledged, ...answer } = await this.emitter.emit(request);
      if (acknowledged) response.statusCode = 200;
      return answer;
    });
  }
}
