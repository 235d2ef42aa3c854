import { Get, Query, Req, Res, type OnModuleDestroy } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { assertScope } from '../access/actor.js';
import { RequireScope } from '../access/api-key.guard.js';
import type { Call } from '../backend/call.js';
import { Explainer } from '../backend/explainer.js';
import { ApiOperation, ApiProduces, ApiResponse } from '../platform/openapi-metadata.js';
import { roomName, userName } from '../protocol/names.js';
import { ApiCall } from './api-call.decorator.js';
import { ApiController, ApiFailures } from './api-route.decorator.js';
import { TraceStream } from './trace-stream.js';

export const traceQuery = z
  .strictObject({
    user: userName.optional(),
    room: roomName.optional(),
    address: z.string().min(1).max(256).optional(),
    payloads: z
      .enum(['true', 'false'])
      .transform((text) => text === 'true')
      .optional()
      .meta({ description: 'Also what is sent; needs the scope `manage`. Default false' }),
  })
  .refine(
    ({ user, room, address }) => [user, room, address].filter((each) => each !== undefined).length === 1,
    {
      message: 'expected one of user, room and address',
    },
  );

/** What happens to a user, in a room or at an address, as it happens. [X6] */
@ApiController('Explain', 'v1')
export class TraceController implements OnModuleDestroy {
  private readonly open = new Set<TraceStream>();

  constructor(private readonly explainer: Explainer) {}

  /** A server that closes would wait for its readers. */
  onModuleDestroy(): void {
    for (const stream of this.open) stream.end();
  }

  @Get('trace')
  @RequireScope('read')
  @ApiOperation({
    summary: 'A live trace, as server-sent events; ends after ten minutes',
    description:
      'Needs the scope `read`, with `payloads=true` also `manage`. Each event is a JSON object with `type`. A reader that is too ' +
      'slow loses lines and gets `{"type": "dropped", "dropped": n}`.',
  })
  @ApiProduces('application/json')
  @ApiResponse({ status: 200, description: 'Server-sent events, text/event-stream' })
  @ApiFailures('read', ['explain.disabled'])
  trace(
    @Query({ schema: traceQuery }) { payloads = false, ...subject }: z.output<typeof traceQuery>,
    @ApiCall() { actor }: Call,
    @Req() request: IncomingMessage,
    @Res() response: ServerResponse,
  ): void {
    if (payloads) assertScope(actor, 'manage');
    const stream = new TraceStream(response);
    stream.begin(this.explainer.trace(subject, payloads, stream.wake));
    this.open.add(stream);
    request.once('close', () => {
      this.open.delete(stream);
      stream.end();
    });
  }
}
