import { Body, HttpCode, Logger, Post, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { z } from 'zod';
import { ApiBody } from '../platform/openapi-metadata.js';
import { assertScope, CallerScopes, type Scopes } from '../access/api-key.guard.js';
import { EmitService } from '../backend/emit.service.js';
import type { EmitRequest } from '../delivery/publication-schemas.js';
import { logFailure } from '../telemetry/log.js';
import { SwitchboardError } from '../protocol/errors.js';
import { inputErrorAt, parseInput } from '../protocol/validation.js';
import { MembershipService } from '../backend/membership.service.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import {
  batchAnswer,
  batchRequest,
  batchRequestDocument,
  command,
  type Command,
} from '../backend/command.schemas.js';
import { Idempotency, IdempotencyKey, TakesIdempotencyKey, type KeyedCall } from './idempotency.js';
import { toProblemError } from '../http/problem.js';

@ApiController('Delivery', 'v1/batch')
export class BatchController {
  private readonly logger = new Logger('Api');

  constructor(
    private readonly emitter: EmitService,
    private readonly membership: MembershipService,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @HttpCode(200)
  @TakesIdempotencyKey()
  @ApiBody({ standardSchema: batchRequestDocument })
  @ApiRoute(
    undefined,
    'Carry out commands in order; one that fails does not stop the rest',
    { 200: batchAnswer },
    ['idempotency.conflict'],
  )
  async run(
    @Body({ schema: batchRequest }) { commands }: z.output<typeof batchRequest>,
    @CallerScopes() scopes: Scopes,
    @IdempotencyKey() call: KeyedCall | undefined,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<object> {
    return this.idempotency.once(call, response, async () => {
      return { results: await this.runInOrder(commands, scopes) };
    });
  }

  /**
   * Publications that follow one another are accepted one after the other and proven together: with other nodes, each
   * would otherwise wait for the answer of shared state. Everything else waits for what is before it.
   */
  private async runInOrder(commands: readonly unknown[], scopes: Scopes): Promise<object[]> {
    const results: Promise<object>[] = [];
    let settled = 0;
    for (const each of commands) {
      if (!isPlainEmit(each)) {
        await Promise.all(results.slice(settled));
        settled = results.length;
      }
      results.push(this.answer(each, scopes));
      if (!isPlainEmit(each)) await results.at(-1);
    }
    return Promise.all(results);
  }

  private async answer(input: unknown, scopes: Scopes): Promise<object> {
    try {
      return { ok: true, ...(await this.carryOut(parseInput(command, input), scopes)) };
    } catch (failure) {
      const error = toProblemError(failure);
      if (error.code === 'internal') logFailure(this.logger, 'a command of a batch failed', failure);
      return { ok: false, error: error.toObject() };
    }
  }

  private async carryOut(each: Command, scopes: Scopes): Promise<object> {
    assertScope(scopes, 'emit' in each ? 'emit' : 'manage');
    if ('emit' in each) {
      return this.emit(each.emit);
    }
    if ('join' in each) {
      await this.membership.join(each.join, each.join.room);
      return {};
    }
    if ('leave' in each) {
      await this.membership.leave(each.leave, each.leave.room);
      return {};
    }
    const disconnected = await this.membership.disconnect(
      each.disconnect,
      each.disconnect.reconnect ?? false,
    );
    return { disconnected };
  }

  private async emit(request: EmitRequest): Promise<object> {
    try {
      const { acknowledged: _, ...answer } = await this.emitter.emit(request);
      return answer;
    } catch (failure) {
      throw failure instanceof SwitchboardError ? inputErrorAt('emit', failure) : failure;
    }
  }
}

/** A publication that nobody is asked to answer. */
const isPlainEmit = (each: unknown): boolean =>
  typeof each === 'object' &&
  each !== null &&
  'emit' in each &&
  !(typeof each.emit === 'object' && each.emit !== null && 'ack' in each.emit);
