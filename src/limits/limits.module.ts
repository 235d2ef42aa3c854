import { Global, Module, type Provider } from '@nestjs/common';
import { Admission } from './admission.js';
import { Connections } from './connections.js';
import { ReturningUsers } from './returning-users.js';
import { SlowConsumers } from './slow-consumers.js';

const PROVIDERS: Provider[] = [Admission, Connections, ReturningUsers, SlowConsumers];

/** Rates, numbers of sockets, and clients that do not read. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class LimitsModule {}
