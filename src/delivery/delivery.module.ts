import { Global, Module, type Provider } from '@nestjs/common';
import { AckRequests } from './ack-requests.js';
import { Broadcaster } from './broadcaster.js';
import { LocalBroadcaster } from './local-broadcaster.js';
import { OpenReceipts } from './open-receipts.js';
import { Publisher } from './publisher.js';

const PROVIDERS: Provider[] = [
  OpenReceipts,
  AckRequests,
  Publisher,
  { provide: Broadcaster, useClass: LocalBroadcaster },
];

/** The way out of a publication. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class DeliveryModule {}
