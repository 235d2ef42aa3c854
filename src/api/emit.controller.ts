import { Body, HttpCode, Post, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { EmitService } from '../delivery/emit.service.js';
import { ackAnswer, emitAnswer, emitRequest, type EmitRequest } from '../delivery/publication-schemas.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';

@ApiController('Delivery', 'v1/emit')
export class EmitController {
  constructor(private readonly emitter: EmitService) {}

  @Post()
  @HttpCode(202)
  @ApiRoute('emit', 'Send to sockets, users, rooms or everyone', { 202: emitAnswer, 200: ackAnswer }, [
    'event.reserved',
    'room.invalid',
    'engine.unavailable',
  ])
  async emit(
    @Body({ schema: emitRequest }) request: EmitRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<object> {
    const { acknowledged, ...answer } = await this.emitter.emit(request);
    if (acknowledged) response.statusCode = 200;
    return answer;
  }
}
