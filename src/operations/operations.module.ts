import { Module } from '@nestjs/common';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';

/** Routes for operators: `/health/live`, `/health/ready`, `/metrics`. */
@Module({ controllers: [HealthController, MetricsController] })
export class OperationsModule {}
