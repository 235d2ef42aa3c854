import { Global, Module, type Provider } from '@nestjs/common';
import { Audit } from './audit.js';
import { CommandHandlers } from './command-handlers.js';
import { CommandPort } from './command-port.js';
import { CommandRunner } from './command-runner.js';
import { EmitService } from './emit.service.js';
import { Idempotency } from './idempotency.js';
import { InProcessCommands } from './in-process-commands.js';
import { MembershipService } from './membership.service.js';
import { NodeCommands } from './node-commands.js';
import { RoomHistory } from './room-history.js';
import { SocketControl } from './socket-control.js';
import { StandingOrders } from './standing-orders.js';

const PROVIDERS: Provider[] = [
  EmitService,
  StandingOrders,
  MembershipService,
  NodeCommands,
  Idempotency,
  Audit,
  CommandHandlers,
  CommandRunner,
  { provide: CommandPort, useClass: InProcessCommands },
  SocketControl,
  RoomHistory,
];

/** Commands of backends, the same for every door. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class BackendModule {}
