import { Global, Module, type Provider } from '@nestjs/common';
import { WebhookControl } from '../backend/webhook-control.js';
import { WebhookMetrics } from './webhook-metrics.js';
import { Webhooks } from './webhooks.service.js';

const PROVIDERS: Provider[] = [WebhookMetrics, Webhooks, { provide: WebhookControl, useExisting: Webhooks }];

/** Tells backends what happened. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class WebhooksModule {}
