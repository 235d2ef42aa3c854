import {
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type ModuleMetadata,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import type { ClientOptions, NatsOptions, RedisOptions, RmqOptions, TcpOptions } from '@nestjs/microservices';
import { CommandPort } from '../../backend/command-port.js';
import { RoomHistory } from '../../backend/room-history.js';
import { SocketControl } from '../../backend/socket-control.js';
import { Broadcaster } from '../../delivery/broadcaster.js';
import { withDefaults } from '../../outbound/nest-options.js';
import { ServiceClient } from '../../outbound/service-client.js';
import { SocketRegistry } from '../../registry/socket-registry.js';
import { RemoteBroadcaster } from './remote-broadcaster.js';
import { RemoteCommands } from './remote-commands.js';
import { RemoteRegistry } from './remote-registry.js';

/** Where the gateway is asked: `transport` and `options` as Nest's `ClientsModule` takes them, and the API key. */
export type SwitchboardClientOptions = (TcpOptions | NatsOptions | RedisOptions | RmqOptions) & {
  /** One of the gateway's `SWITCHBOARD_API_KEYS`; none in open mode. */
  readonly apiKey?: string;
  /** How long the gateway has to answer, in milliseconds; default 10,000. What waits for clients has that time beside it. */
  readonly timeoutMs?: number;
};

/** Options that are known only when other providers are: `useFactory` gives them. */
export interface SwitchboardClientAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  readonly inject?: Extract<Provider, { useFactory: unknown }>['inject'];
  readonly useFactory: (
    ...dependencies: never[]
  ) => SwitchboardClientOptions | Promise<SwitchboardClientOptions>;
}

const OPTIONS = Symbol('SWITCHBOARD_CLIENT_OPTIONS');
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_QUEUE = 'switchboard';

/** Ends the connection with the app. */
@Injectable()
class ClientConnection implements OnApplicationShutdown {
  constructor(@Inject(ServiceClient) private readonly client: ServiceClient) {}

  onApplicationShutdown(): Promise<void> {
    return this.client.close();
  }
}

const PROVIDERS: Provider[] = [
  {
    provide: ServiceClient,
    inject: [OPTIONS],
    useFactory: async ({ transport, options }: SwitchboardClientOptions) => {
      const given = { transport, options } as ClientOptions;
      const client = await ServiceClient.open(withDefaults(given, DEFAULT_QUEUE));
      await client.connect();
      return client;
    },
  },
  ClientConnection,
  {
    provide: RemoteCommands,
    inject: [ServiceClient, OPTIONS],
    useFactory: (client: ServiceClient, { apiKey, timeoutMs }: SwitchboardClientOptions) =>
      new RemoteCommands(client, apiKey, timeoutMs ?? DEFAULT_TIMEOUT_MS),
  },
  { provide: CommandPort, useExisting: RemoteCommands },
  {
    provide: Broadcaster,
    inject: [RemoteCommands],
    useFactory: (commands: RemoteCommands) => new RemoteBroadcaster(commands),
  },
  {
    provide: SocketRegistry,
    inject: [RemoteCommands],
    useFactory: (commands: RemoteCommands) => new RemoteRegistry(commands),
  },
  SocketControl,
  RoomHistory,
];

/**
 * The gateway's injectables in another service of Nest, which asks a gateway by messages.
 *
 * ```ts
 * @Module({
 *   imports: [
 *     SwitchboardClientModule.register({
 *       transport: Transport.NATS,
 *       options: { servers: ['nats://broker:4222'] },
 *       apiKey: process.env.SWITCHBOARD_API_KEY,
 *     }),
 *   ],
 * })
 * export class OrdersModule {}
 * ```
 *
 * The module is global and exports `Broadcaster`, `SocketRegistry`, `SocketControl` and `RoomHistory`: the same classes as the
 * embedded module, so that what is written against one runs against the other. A gateway that is away is asked again with
 * the next call; a call that is not answered fails with `gateway.unavailable`, when the time is over or the connection lost.
 *
 * @see N2
 */
@Module({})
export class SwitchboardClientModule {
  static register(options: SwitchboardClientOptions): DynamicModule {
    return this.create({ provide: OPTIONS, useValue: options });
  }

  static registerAsync({ imports, inject = [], useFactory }: SwitchboardClientAsyncOptions): DynamicModule {
    return this.create({ provide: OPTIONS, inject, useFactory }, imports);
  }

  private static create(options: Provider, imports: ModuleMetadata['imports'] = []): DynamicModule {
    return {
      module: SwitchboardClientModule,
      global: true,
      imports,
      providers: [options, ...PROVIDERS],
      exports: [Broadcaster, SocketRegistry, SocketControl, RoomHistory],
    };
  }
}
