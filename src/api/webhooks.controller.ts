import { Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import type { Call } from '../backend/call.js';
import { CommandRunner } from '../backend/command-runner.js';
import type { CommandResult } from '../backend/commands.js';
import { webhookAttempts, webhookEntry, webhookReplay, webhookTestResult } from '../protocol/webhooks.js';
import type { Answer } from '../engine/log.js';
import { ApiCall } from './api-call.decorator.js';
import { ApiController, ApiRoute } from './api-route.decorator.js';
import { attemptsQuery, pageOf, replayQuery, webhookPath } from './schemas.js';

type WebhookPath = z.output<typeof webhookPath>;

@ApiController('Webhooks', 'v1/webhooks')
export class WebhooksController {
  constructor(private readonly commands: CommandRunner) {}

  @Get()
  @ApiRoute('webhooks', 'The webhook endpoints and where they stand', { 200: pageOf(webhookEntry) })
  list(@ApiCall() call: Call): Answer<CommandResult<'webhooks'>> {
    return this.commands.run('webhooks', {}, call);
  }

  @Get(':name/attempts')
  @ApiRoute(
    'webhookAttempts',
    'The last attempts of an endpoint, and whether it has the events of a user or room',
    { 200: webhookAttempts },
    ['webhook.unknown', 'room.invalid'],
  )
  attempts(
    @Param({ schema: webhookPath }) { name }: WebhookPath,
    @Query({ schema: attemptsQuery }) query: z.output<typeof attemptsQuery>,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'webhookAttempts'>> {
    return this.commands.run('webhookAttempts', { ...query, name }, call);
  }

  @Post(':name/test')
  @HttpCode(200)
  @ApiRoute('testWebhook', 'Send `webhook.test` to an endpoint now', { 200: webhookTestResult }, [
    'webhook.unknown',
  ])
  test(
    @Param({ schema: webhookPath }) path: WebhookPath,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'testWebhook'>> {
    return this.commands.run('testWebhook', path, call);
  }

  @Post(':name/replay')
  @HttpCode(202)
  @ApiRoute('replayWebhook', 'Deliver all events since a time once more', { 202: webhookReplay }, [
    'webhook.unknown',
  ])
  replay(
    @Param({ schema: webhookPath }) { name }: WebhookPath,
    @Query({ schema: replayQuery }) { since }: z.output<typeof replayQuery>,
    @ApiCall() call: Call,
  ): Answer<CommandResult<'replayWebhook'>> {
    return this.commands.run('replayWebhook', { name, since }, call);
  }
}
