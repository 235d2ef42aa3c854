import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { SwitchboardApiModule } from './api/api.module.js';
import { ProblemFilter } from './http/problem.filter.js';
import { ConsoleModule } from './console/console.module.js';
import type { SwitchboardOptions } from './config/config.js';
import { OperationsModule } from './operations/operations.module.js';
import { PlaygroundModule } from './playground/playground.module.js';
import { SwitchboardModule } from './switchboard.module.js';

/** The service has no login beside its tokens: without them clients say who they are, on this machine only. [C4] */
const login = { clientsNameThemselves: true };

const routes = {
  imports: [SwitchboardApiModule, OperationsModule, PlaygroundModule, ConsoleModule],
  providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
};

/** The service: the gateway with its HTTP API, its operator routes and the playground. */
@Module({ imports: [SwitchboardModule.forRoot(login), ...routes.imports], providers: routes.providers })
export class AppModule {
  /** The service with options that win over the environment. */
  static with(options: SwitchboardOptions): DynamicModule {
    return {
      module: ServiceModule,
      imports: [SwitchboardModule.forRoot({ ...login, ...options }), ...routes.imports],
      providers: routes.providers,
    };
  }
}

@Module({})
class ServiceModule {}
