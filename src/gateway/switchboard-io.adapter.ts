import { Logger, type INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Namespace as SocketIoNamespace, Server, ServerOptions } from 'socket.io';
import { isOriginAllowed } from '../access/origins.js';
import type { SwitchboardConfig } from '../config/config.js';
import { FanOutAdapter } from '../delivery/fan-out.adapter.js';
import { isLoopback } from '../limits/address.js';
import type { Metrics } from '../operations/metrics.js';
import { ERRORS } from '../protocol/errors.js';
import type { Namespaces } from '../registry/namespaces.js';
import { noteOversize } from './disconnect-cause.js';
import { GatewayTable } from './gateway-table.js';
import type { Handshake, Middleware } from './handshake.js';
import type { Lifecycle } from './lifecycle.js';
import { SwitchboardGateway } from './switchboard.gateway.js';
import { collectGateways, containInitHooks } from './nest-wiring.js';

/** What the adapter works with; all of it comes from the app's own container. */
export interface AdapterParts {
  readonly config: SwitchboardConfig;
  readonly namespaces: Namespaces;
  readonly handshake: Handshake;
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
}

type ServerOrNamespace = Server | SocketIoNamespace;

/**
 * The Nest WebSocket adapter of the gateway, for its own gateway class and for those of an embedding app.
 *
 * It makes Socket.IO servers from the configuration, puts the handshake before every namespace, and wires sockets to
 * gateway classes through a table instead of Nest's bindings per socket. (DESIGN, decisions 1 and 3)
 */
export class SwitchboardIoAdapter extends IoAdapter {
  private readonly log = new Logger('Gateway');
  /** Servers by port and path, namespaces by what the decorator names them. */
  private readonly servers = new Map<string, Map<unknown, ServerOrNamespace>>();

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
    const gateways = collectGateways(this.app, (port, path, namespace) =>
      this.servers.get(serverKey(port, path))?.get(namespaceKey(namespace)),
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
    const { namespace, server, ...given } = options;
    const root = server ?? this.createIOServer(port, given);
    const made: ServerOrNamespace = namespace === undefined ? root : root.of(namespace);
    this.remember(port, given.path, undefined, root);
    this.remember(port, given.path, namespace, made);
    if (!server) this.prepare(root.of('/'));
    if (made !== root && made !== root.of('/')) this.prepare(made as SocketIoNamespace);
    // Nest takes a namespace for a server here, as its own adapter does.
    return made as Server;
  }

  override createIOServer(port: number, given: Partial<ServerOptions> = {}): Server {
    const { config, namespaces } = this.parts;
    if (given.cors) {
      this.log.warn('the `cors` option of a gateway has no effect: list origins in SWITCHBOARD_CORS_ORIGINS');
    }
    const adapter = class extends FanOutAdapter {
      constructor(nsp: SocketIoNamespace) {
        super(nsp, namespaces);
      }
    };
    const options: Partial<ServerOptions> = {
      pingInterval: config.pingIntervalMs,
      pingTimeout: config.pingTimeoutMs,
      maxHttpBufferSize: config.maxPayloadBytes,
      transports: [...config.transports],
      allowEIO3: config.allowV2Clients,
      ...given,
      adapter,
      // Answers preflight requests and names the origin back; who may connect is decided by allowRequest.
      cors: (request, callback) =>
        callback(null, { origin: this.isAllowed(request as IncomingMessage), credentials: true }),
      allowRequest: (request: IncomingMessage, callback: (reason: string | null, allowed: boolean) => void) =>
        callback(...this.admit(request)),
    };
    const server = super.createIOServer(port, options as ServerOptions) as Server;
    server.engine.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
      if (request.method === 'POST') noteOversize(server.engine, request, response);
      next();
    });
    server.engine.on('connection_error', ({ code, message }: { code: number; message: string }) =>
      this.log.debug('a connection was refused', { code, reason: message }),
    );
    return server;
  }

  /** Sockets are wired by table, in {@link Lifecycle}; Nest's own bindings per socket are not used. */
  override bindClientConnect(): void {}
  override bindClientDisconnect(): void {}
  override bindMessageHandlers(): void {}

  private prepare(namespace: SocketIoNamespace): void {
    const { handshake, lifecycle } = this.parts;
    namespace.use(handshake.identify as Parameters<SocketIoNamespace['use']>[0]);
    // What an app adds later, in afterInit for example, runs after the identity is settled and cannot do harm.
    const use = namespace.use.bind(namespace);
    namespace.use = (middleware) =>
      use(handshake.contain(middleware as Middleware) as Parameters<SocketIoNamespace['use']>[0]);
    namespace.on('connection', lifecycle.connected);
  }

  /** Whether a connection may be made at all; who it is comes later. [A5] [C4] */
  private admit(request: IncomingMessage): [reason: string | null, allowed: boolean] {
    const { config, metrics } = this.parts;
    if (config.mode === 'open' && !config.open && !isLoopback(request.socket.remoteAddress ?? '')) {
      metrics.refused('access.denied');
      return [
        'open mode serves this machine only: set a JWT key, or SWITCHBOARD_OPEN=true if it is meant',
        false,
      ];
    }
    if (this.isAllowed(request)) return [null, true];
    metrics.refused('origin.refused');
    return [`origin.refused: ${ERRORS['origin.refused'].message}`, false];
  }

  private isAllowed(request: IncomingMessage): boolean {
    const { config } = this.parts;
    return isOriginAllowed({
      origin: request.headers.origin,
      host: request.headers.host,
      secure: 'encrypted' in request.socket && request.socket.encrypted === true,
      allowed: config.corsOrigins,
      mode: config.mode,
      open: config.open,
    });
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
