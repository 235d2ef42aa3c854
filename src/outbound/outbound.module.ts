import { Global, Module, type Provider } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { OutboundClient } from './outbound-client.js';

const PROVIDERS: Provider[] = [
  {
    provide: OutboundClient,
    inject: [SWITCHBOARD_CONFIG],
    useFactory: (config: SwitchboardConfig) => new OutboundClient(config),
  },
];

/** The one HTTP client for what the gateway calls. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class OutboundModule {}
