import { Module, type DynamicModule, type ModuleMetadata, type Provider, type Type } from '@nestjs/common';
import { AccessModule } from './access/access.module.js';
import { LOGIN_OPTIONS, splitLogin, type LoginOptions } from './access/app-login.js';
import { BackendModule } from './backend/backend.module.js';
import type { SwitchboardOptions } from './config/config.js';
import { SWITCHBOARD_CONFIG } from './config/config.token.js';
import { loadProcessConfig } from './config/process-config.js';
import { DeliveryModule } from './delivery/delivery.module.js';
import { EngineModule } from './engine/engine.module.js';
import { GatewayModule } from './gateway/gateway.module.js';
import { HandlersModule } from './handlers/handlers.module.js';
import { APP_LOGS_IN } from './http/origin-policy.js';
import { LimitsModule } from './limits/limits.module.js';
import { MicroserviceDoorModule } from './microservice/microservice-door.module.js';
import { OutboundModule } from './outbound/outbound.module.js';
import { ParticipantsModule } from './participants.module.js';
import { RecorderModule } from './recorder/recorder.module.js';
import { RegistryModule } from './registry/registry.module.js';
import { RoomsModule } from './rooms/rooms.module.js';
import { SocketsModule } from './sockets/sockets.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

/** The options of the module: keys of `docs/configuration.md` in camel case, and what is about the app's own login. */
export interface SwitchboardModuleOptions extends SwitchboardOptions, LoginOptions {}

/** Options that are known only when other providers are: `useFactory` gives them. */
export interface SwitchboardAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  readonly inject?: Parameters<typeof factoryProvider>[0];
  readonly useFactory: (
    ...dependencies: never[]
  ) => SwitchboardModuleOptions | Promise<SwitchboardModuleOptions>;
}

const OPTIONS = Symbol('SWITCHBOARD_OPTIONS');

/**
 * The parts of the gateway, by their floors. Nest starts them in this order and ends them in the opposite one: the
 * engine is started and stopped by the gateway, when all else is there.
 */
const FEATURES: readonly Type[] = [
  TelemetryModule,
  EngineModule,
  SocketsModule,
  RegistryModule,
  DeliveryModule,
  AccessModule,
  LimitsModule,
  RoomsModule,
  BackendModule,
  OutboundModule,
  RecorderModule,
  HandlersModule,
  WebhooksModule,
  ParticipantsModule,
  GatewayModule,
  MicroserviceDoorModule,
];

/** What the options say, for the parts that ask for it. */
const SETTINGS: readonly Provider[] = [
  {
    provide: SWITCHBOARD_CONFIG,
    inject: [OPTIONS],
    useFactory: (given: SwitchboardModuleOptions) => loadProcessConfig(splitLogin(given).config),
  },
  {
    provide: LOGIN_OPTIONS,
    inject: [OPTIONS],
    useFactory: (given: SwitchboardModuleOptions) => splitLogin(given).login,
  },
  {
    provide: APP_LOGS_IN,
    inject: [LOGIN_OPTIONS],
    useFactory: ({ authenticate }: LoginOptions) => authenticate !== undefined,
  },
];

const factoryProvider = (
  inject: Extract<Provider, { useFactory: unknown }>['inject'] = [],
  useFactory: SwitchboardAsyncOptions['useFactory'],
): Provider => ({ provide: OPTIONS, inject, useFactory });

/**
 * The gateway for any Nest app.
 *
 * ```ts
 * @Module({ imports: [SwitchboardModule.forRoot({ jwtSecret: '…' })] })
 * export class AppModule {}
 *
 * const app = await NestFactory.create(AppModule);
 * setupSwitchboard(app);
 * await app.listen(3000);
 * ```
 *
 * The module is global and exports `SocketRegistry`, `Broadcaster`, `SocketControl` and `RoomHistory`. Options are the keys of
 * `docs/configuration.md` in camel case without their prefix; what is not given comes from the environment. A
 * problem in them stops the start with a `ConfigError`.
 */
@Module({})
export class SwitchboardModule {
  static forRoot(options: SwitchboardModuleOptions = {}): DynamicModule {
    return this.create([{ provide: OPTIONS, useValue: options }]);
  }

  static forRootAsync(options: SwitchboardAsyncOptions): DynamicModule {
    return this.create([factoryProvider(options.inject, options.useFactory)], options.imports);
  }

  private static create(options: Provider[], imports: ModuleMetadata['imports'] = []): DynamicModule {
    return {
      module: SwitchboardModule,
      global: true,
      imports: [...imports, ...FEATURES],
      providers: [...options, ...SETTINGS],
      exports: [...SETTINGS],
    };
  }
}
