import { Global, Module, type Provider } from '@nestjs/common';
import { MessageDesk } from './message-desk.js';
import { MicroserviceDoor } from './microservice-door.js';

const PROVIDERS: Provider[] = [MessageDesk, MicroserviceDoor];

/** For services of Nest that ask by messages. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class MicroserviceDoorModule {}
