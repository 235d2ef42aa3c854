import { ShutdownSignal, type INestApplication } from '@nestjs/common';
import { ModulesContainer, NestApplication } from '@nestjs/core';
import { AppAuthorization } from './access/app-authorization.js';
import { Rights } from './access/rights.js';
import { RoomEntrance } from './access/room-entrance.js';
import { apiGate } from './api/api-gate.js';
import { SwitchboardApiModule } from './api/api.module.js';
import { jsonBody, jsonBodyErrors } from './api/json-body.js';
import type { SwitchboardConfig } from './config/config.js';
import { SWITCHBOARD_CONFIG } from './config/config.token.js';
import { ConsoleModule } from './console/console.module.js';
import { Publisher } from './delivery/publisher.js';
import { ConnectionLog } from './gateway/connection-log.js';
import { GatewayStartup } from './gateway/gateway-startup.js';
import { Handshake } from './gateway/handshake.js';
import { Lifecycle } from './gateway/lifecycle.js';
import { SwitchboardIoAdapter } from './gateway/switchboard-io.adapter.js';
import { SwitchboardGateway } from './gateway/switchboard.gateway.js';
import { exemptFromGlobalPrefix } from './http/fixed-paths.js';
import { OriginPolicy } from './http/origin-policy.js';
import { exemptFromGlobalEnhancers } from './http/own-routes.js';
import { Admission } from './limits/admission.js';
import { Connections } from './limits/connections.js';
import { SlowConsumers } from './limits/slow-consumers.js';
import { OperationsModule } from './operations/operations.module.js';
import { PlaygroundModule } from './playground/playground.module.js';
import { RoomService } from './rooms/room.service.js';
import { Namespaces } from './sockets/namespaces.js';
import { Participants } from './sockets/participants.js';

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
