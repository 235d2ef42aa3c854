import { Logger, type INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { Server, type Namespace as SocketIoNamespace, type ServerOptions, type Socket } from 'socket.io';
import type { OriginPolicy } from '../http/origin-policy.js';
import type { SwitchboardConfig } from '../config/config.js';
import { FanOutAdapter } from '../delivery/fan-out.adapter.js';
import { hurryGoodbyes, limitGoodbye } from '../sockets/end-socket.js';
import type { Admission } from '../limits/admission.js';
import type { Connections } from '../limits/connections.js';
import type { SlowConsumers } from '../limits/slow-consumers.js';
import type { Publisher } from '../delivery/publisher.js';
import { TurnWriter } from '../delivery/turn-writer.js';
import { watchVitals } from '../delivery/vitals.js';
import { childrenOf, endWhenEmpty } from '../platform/namespace-of-io.js';
import { SwitchboardError } from '../protocol/errors.js';
import type { Namespaces } from '../sockets/namespaces.js';
import type { Participants } from '../sockets/participants.js';
import { createPacketParser } from './transport/packet-parser.js';
import { noteOversize } from '../sockets/disconnect-cause.js';
import { acceptInOneShape } from '../platform/accepted-sockets.js';
import { connectionsOf } from '../platform/engine-connection.js';
import { noteResponse } from '../platform/footprint/first-request.js';
import { shareHandshakeTimes } from '../platform/handshake-time.js';
import { tellReservedBy, tellRoomsBy } from '../platform/listeners-of-io.js';
import { readPlainQueries } from '../platform/plain-queries.js';
import { runMiddlewaresAtOnce, skipCorsWithoutOrigin } from '../platform/request-middlewares.js';
import { missingInternals } from '../platform/requirements.js';
import { GatewayTable } from './dispatch/gateway-table.js';
import type { Admitted, Handshake, Middleware } from './handshake.js';
import type { Lifecycle } from './lifecycle.js';
import { whyOf } from './refusals.js';
import type { ConnectionError } from './turned-away.js';
import { ignoreOtherUpgrades } from './transport/other-upgrades.js';
import { SwitchboardGateway } from './switchboard.gateway.js';
import { mayActFor } from './transport/bound-session.js';
import { PreparingWebSocketServer } from './transport/upgraded-socket.js';
import { collectGateways, containInitHooks, serverOptionsOf } from './nest/nest-wiring.js';

/** What the adapter works with; all of it comes from the app's own container. */
export interface AdapterParts {
  readonly config: SwitchboardConfig;
  readonly namespaces: Namespaces<FanOutAdapter>;
  readonly handshake: Handshake;
  /** What a client can ask of the gateway itself. */
  readonly requests: SwitchboardGateway;
  readonly lifecycle: Lifecycle;
  readonly originPolicy: OriginPolicy;
  readonly admission: Admission;
  readonly connections: Connections;
  readonly slowConsumers: SlowConsumers;
  readonly publisher: Publisher;
  readonly participants: Participants;
}

/** A connection that has no socket by then is closed. [L11] */
const FIRST_SOCKET_TIMEOUT_MS = 10_000;

type Connection = Socket['conn'];
type ServerOrNamespace = Server | SocketIoNamespace;

/**
 * The Nest WebSocket adapter of the gateway, for its own gateway class and for those of an embedding app.
 *
 * It makes Socket.IO servers from the configuration, puts the handshake before every namespace, and wires sockets to
 * gateway classes through a table instead of Nest's bindings per socket. (Decision 0001)
 */
export class SwitchboardIoAdapter extends IoAdapter {
  private readonly log = new Logger('Gateway');
  /** Servers by port and path, namespaces by what the decorator names them. */
  private readonly servers = new Map<string, Map<unknown, ServerOrNamespace>>();
  private readonly prepared = new WeakSet<SocketIoNamespace>();
  /** Prepared namespaces that stand for a pattern. */
  private readonly parents: SocketIoNamespace[] = [];

  constructor(
    private readonly app: INestApplication,
    private readonly parts: AdapterParts,
  ) {
    super(app);
    containInitHooks(app, (gateway, failure) =>
      parts.lifecycle.failed('init_hook', `afterInit of ${gateway} failed`, failure),
    );
  }

  /** Reads the gateway classes, once Nest has registered them. Fails when two of them claim one event. */
  wire(): void {
    const gateways = collectGateways(
      this.app,
      (port, path, namespace) => this.servers.get(serverKey(port, path))?.get(namespaceKey(namespace)),
      this.parts.requests,
    );
    this.parts.lifecycle.useTable(
      new GatewayTable(gateways, (gateway) => gateway.type === SwitchboardGateway),
    );
  }

  // The base class types this `any`-like; a gateway decorator's options arrive here.
  override create(
    port: number,
    options: Partial<ServerOptions> & { namespace?: string; server?: Server } = {},
  ): Server {
    const { namespace, server, path } = options;
    const root = server ?? this.createIOServer(port, serverOptionsOf(this.app, port, path));
    const made: ServerOrNamespace = namespace === undefined ? root : root.of(namespace);
    this.remember(port, path, undefined, root);
    this.remember(port, path, namespace, made);
    if (!server) this.prepare(root.of('/'));
    if (made !== root && made !== root.of('/')) this.prepare(made as SocketIoNamespace);
    // Nest takes a namespace for a server here, as its own adapter does.
    return made as Server;
  }

  override createIOServer(port: number, asked: Partial<ServerOptions> = {}): Server {
    const { config, namespaces, originPolicy, slowConsumers, publisher, participants, connections } =
      this.parts;
    const { cors: ownCors, connectionStateRecovery: ownRecovery, ...given } = asked;
    if (ownCors) {
      this.log.warn('the `cors` option of a gateway has no effect: list origins in SWITCHBOARD_CORS_ORIGINS');
    }
    if (ownRecovery) {
      this.log.warn(
        'the `connectionStateRecovery` option of a gateway has no effect: clients ask with `auth: {recovery: true}`',
      );
    }
    const { parser, expect } = createPacketParser(this.parts.handshake.refuseNamespace);
    const writer = new TurnWriter(slowConsumers.checkConnection);
    const adapter = class extends FanOutAdapter {
      constructor(nsp: SocketIoNamespace) {
        super(nsp, namespaces, writer, slowConsumers, publisher, participants);
      }
    };
    const options: Partial<ServerOptions> = {
      pingInterval: config.pingIntervalMs,
      pingTimeout: config.pingTimeoutMs,
      maxHttpBufferSize: config.maxPayloadBytes,
      transports: [...config.transports],
      allowEIO3: config.allowV2Clients,
      wsEngine: PreparingWebSocketServer,
      parser,
      connectTimeout: FIRST_SOCKET_TIMEOUT_MS,
      ...given,
      // Answers preflight requests and names the origin back, also with the client's bundles; who may connect is decided
      // by allowRequest. [L9]
      cors: (request, decide) => {
        const isNamed =
          request.headers.origin !== undefined && originPolicy.allowsOrigin(request as IncomingMessage);
        decide(null, { origin: isNamed, credentials: true });
      },
      adapter,
      allowRequest: (request, callback) => {
        const decide = ([reason, allowed]: Admitted): void => callback(reason, allowed);
        const admitted = this.admit(request);
        if (admitted[1] && given.allowRequest) {
          void this.parts.handshake.ask(given.allowRequest, request).then(decide);
        } else decide(admitted);
      },
    };
    // As the base class does it, but with our own copy of Socket.IO: the one it would take in an app that embeds this
    // package may be another version.
    const shared = port === 0 ? (this.httpServer as HttpServer | undefined) : undefined;
    const server = ignoreOtherUpgrades(shared, () => new Server(shared ?? port, options));
    acceptInOneShape(server.httpServer as HttpServer);
    shareHandshakeTimes();
    for (const missing of missingInternals(server)) this.log.warn(missing);
    server.on('new_namespace', (namespace) => this.adopt(namespace));
    slowConsumers.watch(server.engine);
    readPlainQueries(server.engine);
    skipCorsWithoutOrigin(server.engine);
    runMiddlewaresAtOnce(server.engine);
    server.engine.use(
      (request: IncomingMessage, response: ServerResponse, next: (failure?: Error) => void) => {
        if (request.method === 'POST') noteOversize(server.engine, request, response);
        else if (request.headers.upgrade !== undefined) noteResponse(request, response);
        const isIntruding = request.headers.origin !== undefined && originPolicy.isIntruding(request);
        if (!mayActFor(server.engine, request, config.trustedProxies)) next(this.refuseStranger(request));
        else next(isIntruding ? this.refuseIntruder(request) : undefined);
      },
    );
    server.engine.prependListener('connection', expect);
    server.engine.on('connection', connections.opened);
    server.engine.on('connection', limitGoodbye);
    const { pingIntervalMs } = this.parts.config;
    server.engine.on('connection', (connection: object) => watchVitals(connection, pingIntervalMs));
    server.engine.on('connection', (connection: Connection) => participants.opened(connection));
    server.engine.on('connection_error', (failure: ConnectionError) => {
      this.log.debug('a connection was refused', { code: failure.code, reason: failure.message });
      this.parts.handshake.turnedAway(server.engine, failure);
    });
    return server;
  }

  override async close(server: Server): Promise<void> {
    await super.close(server);
    // Afterwards: Socket.IO closes in an orderly way what is left. What Nest gives may be a namespace, without engine.
    hurryGoodbyes(connectionsOf<Socket['conn']>(server.engine));
  }

  /** Sockets are wired by table, in {@link Lifecycle}; Nest's own bindings per socket are not used. */
  override bindClientConnect(): void {}
  override bindClientDisconnect(): void {}
  override bindMessageHandlers(): void {}

  /** Namespaces that an app makes by itself, with `server.of()`, are no way around the handshake. [L2] */
  private adopt(namespace: SocketIoNamespace): void {
    endWhenEmpty(namespace);
    if (!this.parents.some((parent) => childrenOf(parent)?.has(namespace))) {
      this.prepare(namespace);
      return;
    }
    // It has taken the handshake over from the pattern that it was made for.
    this.prepared.add(namespace);
    this.contain(namespace);
  }

  private prepare(namespace: SocketIoNamespace): void {
    if (this.prepared.has(namespace)) return;
    this.prepared.add(namespace);
    if (childrenOf(namespace)) this.parents.push(namespace);
    const { handshake, lifecycle } = this.parts;
    namespace.use(handshake.identify as Parameters<SocketIoNamespace['use']>[0]);
    // Before `connection`: nothing of the app's ends a socket before its end would be noticed.
    namespace.on('connect', lifecycle.connected);
    this.contain(namespace);
  }

  /** What an app adds later, in afterInit for example, runs after the identity is settled and cannot do harm. */
  private contain(namespace: SocketIoNamespace): void {
    const { emitConnection, emitRooms } = this.parts.lifecycle;
    tellReservedBy(namespace, emitConnection);
    tellRoomsBy(namespace.adapter, emitRooms);
    const use = namespace.use.bind(namespace);
    namespace.use = (middleware) =>
      use(this.parts.handshake.contain(middleware as Middleware) as Parameters<SocketIoNamespace['use']>[0]);
  }

  /** Whether a connection may be made at all; who it is comes later. [A5] [C4] */
  private admit(request: IncomingMessage): Admitted {
    const refusal = this.refusalOf(request);
    if (!refusal) return [null, true];
    this.refuse(request, refusal);
    return [`${refusal.code}: ${refusal.message}`, false];
  }

  /** Engine.IO answers 400: it takes no words from here. */
  private refuseIntruder(request: IncomingMessage): SwitchboardError {
    const refusal = new SwitchboardError('origin.refused');
    this.refuse(request, refusal);
    return refusal;
  }

  private refuseStranger(request: IncomingMessage): SwitchboardError {
    const cause = new Error('the request does not present what the first one of its session did');
    const refusal = new SwitchboardError('access.denied', { cause });
    this.refuse(request, refusal);
    return refusal;
  }

  private refuse(request: IncomingMessage, refusal: SwitchboardError): void {
    const { code, retryable } = refusal;
    this.parts.handshake.refuseRequest(request, { code, retryable, why: whyOf(refusal) });
  }

  private refusalOf(request: IncomingMessage): SwitchboardError | undefined {
    const { admission, connections, handshake, originPolicy } = this.parts;
    const refusal = originPolicy.refusalOfConnection(request);
    if (refusal) return refusal;
    // Refused here rather than in the handshake: 4.x clients do not come back by themselves after that. [O2]
    if (!handshake.takesSockets) return new SwitchboardError('server.draining');
    const address = this.parts.handshake.addressOf(request);
    return connections.refusalOf(address) ?? admission.refusalOfHandshake(address);
  }

  private remember(
    port: number,
    path: string | undefined,
    namespace: unknown,
    server: ServerOrNamespace,
  ): void {
    const key = serverKey(port, path);
    const known = this.servers.get(key) ?? new Map<unknown, ServerOrNamespace>();
    known.set(namespaceKey(namespace), server);
    this.servers.set(key, known);
  }
}

const serverKey = (port: number, path: string | undefined): string => `${port} ${path ?? ''}`;

/** Nest adds a leading slash to names; patterns and functions are themselves. */
const namespaceKey = (namespace: unknown): unknown => {
  if (namespace === undefined || namespace === '') return '/';
  return typeof namespace === 'string' && !namespace.startsWith('/') ? `/${namespace}` : namespace;
};
