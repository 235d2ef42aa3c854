import { Module } from '@nestjs/common';
import { AccessController } from './access.controller.js';
import { BatchController } from './batch.controller.js';
import { EmitController } from './emit.controller.js';
import { ExplainController } from './explain.controller.js';
import { RoomsController } from './rooms.controller.js';
import { SocketsController } from './sockets.controller.js';
import { StatsController } from './stats.controller.js';
import { TraceController } from './trace.controller.js';
import { UsersController } from './users.controller.js';
import { WebhooksController } from './webhooks.controller.js';

/**
 * The HTTP API for backends, under `/v1/`.
 *
 * The service has it. An app that embeds the gateway imports it only if it wants these routes among its own.
 */
@Module({
  controllers: [
    EmitController,
    BatchController,
    SocketsController,
    UsersController,
    RoomsController,
    StatsController,
    AccessController,
    ExplainController,
    TraceController,
    WebhooksController,
  ],
})
export class SwitchboardApiModule {}
