import {
  Module,
  ShutdownSignal,
  type DynamicModule,
  type INestApplication,
  type ModuleMetadata,
  type Provider,
  type Type,
} from '@nestjs/common';
import { ModulesContainer, NestApplication } from '@nestjs/core';
import { AppAuthorization } from './access/app-authorization.js';
import { LOGIN_OPTIONS, splitLogin, type LoginOptions } from './access/app-login.js';
import { ApiAccess } from './access/api-access.js';
import { Authenticator } from './access/authenticator.js';
import { DeadlineWheel } from './timers/deadline-wheel.js';
import { APP_LOGS_IN, OriginPolicy } from './http/origin-policy.js';
import { RemoteLogin } from './access/remote-login.js';
import { RoomEntrance } from './access/room-entrance.js';
import { Rights } from './access/rights.js';
import { RefusedKeys } from './access/refused-keys.js';
import { RevocationList } from './access/revocation-list.js';
import { RevocationService } from './access/revocation.service.js';
import { apiGate } from './api/api-gate.js';
import { SwitchboardApiModule } from './api/api.module.js';
import { jsonBody, jsonBodyErrors } from './api/json-body.js';
import type { SwitchboardConfig, SwitchboardOptions } from './config/config.js';
import { ConsoleModule } from './console/console.module.js';
import { loadProcessConfig } from './config/process-config.js';
import { SWITCHBOARD_CONFIG } from './config/config.token.js';
import { Broadcaster } from './delivery/broadcaster.js';
import { LocalBroadcaster } from './delivery/local-broadcaster.js';
import { Audit } from './backend/audit.js';
import { CommandHandlers } from './backend/command-handlers.js';
import { CommandPort } from './backend/command-port.js';
import { CommandRunner } from './backend/command-runner.js';
import { Explainer } from './backend/explainer.js';
import { EmitService } from './backend/emit.service.js';
import { Idempotency } from './backend/idempotency.js';
import { InProcessCommands } from './backend/in-process-commands.js';
import { RoomHistory } from './backend/room-history.js';
import { SocketControl } from './backend/socket-control.js';
import { DELIVERY_WATCH } from './delivery/delivery-watch.js';
import { Publisher } from './delivery/publisher.js';
import { OpenReceipts } from './delivery/open-receipts.js';
import { StallWatch } from './timers/stall-watch.js';
import { createStallWatch } from './telemetry/event-loop.js';
import { createEngine } from './engine/create-engine.js';
import { Engine } from './engine/engine.js';
import { MEMORY_ENGINE_CLOCK } from './engine/memory/memory-engine.js';
import { NodeIdentity } from './engine/node-identity.js';
import { exemptFromGlobalPrefix } from './http/fixed-paths.js';
import { exemptFromGlobalEnhancers } from './http/own-routes.js';
import { ConnectionLog } from './gateway/connection-log.js';
import { GatewayNodeHooks } from './gateway/node-hooks.js';
import { Identification } from './gateway/identification.js';
import { RefusalLog } from './gateway/refusal-log.js';
import { GatewayStartup } from './gateway/gateway-startup.js';
import { Handshake } from './gateway/handshake.js';
import { Lifecycle } from './gateway/lifecycle.js';
import { Settling } from './gateway/footprint/settling.js';
import { SwitchboardIoAdapter } from './gateway/switchboard-io.adapter.js';
import { SwitchboardGateway } from './gateway/switchboard.gateway.js';
import { EventHandlers } from './handlers/event-handlers.js';
import { HandlerMetrics } from './handlers/handler-metrics.js';
import { LoginHandlers } from './handlers/login-handlers.js';
import { RemoteHandlers } from './handlers/remote-handlers.js';
import { ExplainService } from './recorder/explain-service.js';
import { FlightRecorder } from './recorder/flight-recorder.js';
import { LocalRecord } from './recorder/local-record.js';
import { WebhookMetrics } from './webhooks/webhook-metrics.js';
import { Webhooks } from './webhooks/webhooks.service.js';
import { WebhookControl } from './backend/webhook-control.js';
import { MessageDesk } from './microservice/message-desk.js';
import { MicroserviceDoor } from './microservice/microservice-door.js';
import { OutboundClient } from './outbound/outbound-client.js';
import { RemoteEvents } from './backend/remote-events.js';
import { Admission } from './limits/admission.js';
import { Connections } from './limits/connections.js';
import { ReturningUsers } from './limits/returning-users.js';
import { SlowConsumers } from './limits/slow-consumers.js';
import { Drain } from './sockets/drain.js';
import { HealthDetails } from './telemetry/health-details.js';
import { HalfOpen } from './sockets/half-open.js';
import { Participants, type Participant } from './sockets/participants.js';
import { Metrics } from './telemetry/metrics.js';
import { OperationsModule } from './operations/operations.module.js';
import { PlaygroundModule } from './playground/playground.module.js';
import { LocalRegistry } from './registry/local-registry.js';
import { Namespaces } from './sockets/namespaces.js';
import { GatewayRegistry } from './registry/gateway-registry.js';
import { RegistryChanges } from './registry/registry-changes.js';
import { ChangeListeners } from './gateway/nest/change-listeners.js';
import { SocketRegistry } from './registry/socket-registry.js';
import { AssignedRooms } from './rooms/assigned-rooms.js';
import { History } from './rooms/history.service.js';
import { StandingOrders } from './backend/standing-orders.js';
import { MembershipService } from './backend/membership.service.js';
import { NodeCommands } from './backend/node-commands.js';
import { Presence } from './rooms/presence/presence.service.js';
import { PrivateRooms } from './rooms/private-rooms.js';
import { RepeatedEmits } from './rooms/repeated-emits.js';
import { Recovery } from './rooms/recovery/recovery.service.js';
import { SessionClaims } from './rooms/recovery/session-claims.service.js';
import { WatchedRooms } from './rooms/presence/watched-rooms.js';
import { JoinWithHistory } from './rooms/join-with-history.js';
import { Registration } from './registry/registration.js';
import { RoomService } from './rooms/room.service.js';

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
 * Who takes part in a socket's life, in the order in which they hear of it: see {@link Participant}.
 *
 * The order matters: nothing is claimed, counted or made known for a socket before it is known whose it is, and what
 * is taken last is given back first.
 */
const PARTICIPANTS: readonly Type<Participant>[] = [
  RefusalLog,
  Connections,
  Identification,
  SessionClaims,
  Admission,
  Rights,
  Recovery,
  Presence,
  Registration,
  AssignedRooms,
  OpenReceipts,
  ReturningUsers,
  FlightRecorder,
  RegistryChanges,
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
      imports,
      providers: [
        ...options,
        {
          provide: SWITCHBOARD_CONFIG,
          inject: [OPTIONS],
          useFactory: (given: SwitchboardModuleOptions) => loadProcessConfig(splitLogin(given).config),
        },
        {
          provide: APP_LOGS_IN,
          inject: [LOGIN_OPTIONS],
          useFactory: ({ authenticate }: LoginOptions) => authenticate !== undefined,
        },
        {
          provide: LOGIN_OPTIONS,
          inject: [OPTIONS],
          useFactory: (given: SwitchboardModuleOptions) => splitLogin(given).login,
        },
        {
          provide: Engine,
          inject: [
            SWITCHBOARD_CONFIG,
            NodeIdentity,
            Metrics,
            StallWatch,
            { token: MEMORY_ENGINE_CLOCK, optional: true },
          ],
          useFactory: createEngine,
        },
        { provide: StallWatch, inject: [Metrics], useFactory: createStallWatch },
        { provide: RevocationList, useFactory: () => new RevocationList() },
        NodeIdentity,
        Metrics,
        HealthDetails,
        Namespaces,
        LocalRegistry,
        { provide: SocketRegistry, useClass: GatewayRegistry },
        RegistryChanges,
        ChangeListeners,
        OpenReceipts,
        Publisher,
        { provide: Broadcaster, useClass: LocalBroadcaster },
        EmitService,
        History,
        WatchedRooms,
        Recovery,
        SessionClaims,
        Registration,
        Presence,
        JoinWithHistory,
        PrivateRooms,
        RepeatedEmits,
        AssignedRooms,
        RoomService,
        StandingOrders,
        MembershipService,
        Idempotency,
        CommandHandlers,
        { provide: CommandPort, useClass: InProcessCommands },
        SocketControl,
        RoomHistory,
        Audit,
        CommandRunner,
        Authenticator,
        AppAuthorization,
        RoomEntrance,
        DeadlineWheel,
        OriginPolicy,
        RefusedKeys,
        ApiAccess,
        Rights,
        RevocationService,
        Admission,
        Connections,
        HalfOpen,
        ReturningUsers,
        Identification,
        SlowConsumers,
        Drain,
        Settling,
        Lifecycle,
        Handshake,
        ConnectionLog,
        RefusalLog,
        {
          provide: Participants,
          inject: [...PARTICIPANTS],
          useFactory: (...list: (Participant & { readonly isOff?: boolean })[]) =>
            new Participants(list.filter(({ isOff }) => isOff !== true)),
        },
        NodeCommands,
        GatewayNodeHooks,
        SwitchboardGateway,
        GatewayStartup,
        {
          provide: OutboundClient,
          inject: [SWITCHBOARD_CONFIG],
          useFactory: (config: SwitchboardConfig) => new OutboundClient(config),
        },
        FlightRecorder,
        LocalRecord,
        { provide: Explainer, useClass: ExplainService },
        {
          provide: DELIVERY_WATCH,
          inject: [FlightRecorder],
          useFactory: (recorder: FlightRecorder) => (recorder.isOff ? undefined : recorder),
        },
        WebhookMetrics,
        Webhooks,
        { provide: WebhookControl, useExisting: Webhooks },
        MessageDesk,
        MicroserviceDoor,
        HandlerMetrics,
        RemoteHandlers,
        { provide: RemoteEvents, useClass: EventHandlers },
        { provide: RemoteLogin, useClass: LoginHandlers },
      ],
      exports: [
        SocketRegistry,
        Broadcaster,
        SocketControl,
        RoomHistory,
        SWITCHBOARD_CONFIG,
        Engine,
        Metrics,
        HealthDetails,
        NodeIdentity,
        Drain,
        CommandRunner,
        Explainer,
        MembershipService,
        Presence,
        RevocationService,
        LocalRegistry,
        OriginPolicy,
        ApiAccess,
      ],
    };
  }
}

/**
 * Makes a Nest app serve Socket.IO through the gateway. Call it once, before `listen` or `init`.
 *
 * It installs the Socket.IO adapter for the gateway and for the app's own `@WebSocketGateway` classes, the JSON
 * limits of the API, and the hooks that drain sockets at shutdown. A global prefix, guards, pipes,
 * interceptors and filters of the app leave the gateway's own routes as they are.
 *
 * @throws Error when the gateway has a copy of Nest of its own, which cannot work
 */
export function setupSwitchboard(app: INestApplication): void {
  // Not by asking the app for something: what it does not find ends the process, with a message about that thing.
  if (!(app instanceof NestApplication)) throw new Error(TWO_COPIES_OF_NEST);
  const config = app.get<SwitchboardConfig>(SWITCHBOARD_CONFIG);
  const adapter = new SwitchboardIoAdapter(app, {
    config,
    namespaces: app.get(Namespaces),
    handshake: app.get(Handshake),
    // Not the one of Nest, which makes none where an app has a request-scoped guard for everything.
    requests: new SwitchboardGateway(
      app.get(RoomService),
      app.get(Rights),
      app.get(AppAuthorization),
      app.get(RoomEntrance),
      app.get(ConnectionLog),
    ),
    lifecycle: app.get(Lifecycle),
    originPolicy: app.get(OriginPolicy),
    admission: app.get(Admission),
    connections: app.get(Connections),
    slowConsumers: app.get(SlowConsumers),
    publisher: app.get(Publisher),
    participants: app.get(Participants),
  });
  app.useWebSocketAdapter(adapter);
  // Nest's own wrapping of an app takes no assignment.
  Object.defineProperty(app, 'useWebSocketAdapter', { value: refuseOtherAdapter });
  app.get(GatewayStartup).use(adapter);
  exemptFromGlobalPrefix(app, MODULES_WITH_ROUTES);
  exemptFromGlobalEnhancers(app, MODULES_WITH_ROUTES);
  if (hasApi(app)) app.use('/v1', [apiGate(app, jsonBody(config)), jsonBodyErrors]);
  app.enableShutdownHooks([ShutdownSignal.SIGTERM, ShutdownSignal.SIGINT], { useProcessExit: true });
}

/** Another one would take the sockets from the gateway, which then fails at the start for want of them. */
function refuseOtherAdapter(): never {
  throw new Error(
    'setupSwitchboard(app) has set the WebSocket adapter of this app: a second app.useWebSocketAdapter() would take its ' +
      'sockets away from the gateway. Leave it out, or give the app its gateways without setupSwitchboard().',
  );
}

const MODULES_WITH_ROUTES = new Set<unknown>([
  SwitchboardApiModule,
  OperationsModule,
  PlaygroundModule,
  ConsoleModule,
]);

const TWO_COPIES_OF_NEST =
  'the app and switchboard-gateway have two copies of @nestjs/core and must share one; `npm ls @nestjs/core` shows ' +
  'them. npm installs a folder as a link, which keeps its own copy: install it with `npm i --install-links <folder>`, ' +
  'and put install-links=true into .npmrc so that it stays so. Otherwise the two ask for versions that do not fit together.';

/** Whether the routes under `/v1` are the gateway's: an app without the API has that path to itself. */
const hasApi = (app: INestApplication): boolean =>
  [...app.get(ModulesContainer).values()].some(({ metatype }) => metatype === SwitchboardApiModule);
