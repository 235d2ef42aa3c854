import { Global, Module, type Provider } from '@nestjs/common';
import { Drain } from './drain.js';
import { HalfOpen } from './half-open.js';
import { Namespaces } from './namespaces.js';

const PROVIDERS: Provider[] = [Namespaces, HalfOpen, Drain];

/** The sockets of this node, and their end. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class SocketsModule {}
