/**
 * Collects an app's gateway classes. Together with `nest-handlers.ts` it knows Nest's own WebSocket wiring; nothing else
 * does.
 *
 * Stock Nest binds every handler of every gateway to every socket and drops what hooks and handlers promise. Here
 * Nest still builds the handlers, with their guards, pipes, interceptors and request scopes, exactly as it documents
 * them; but they are collected once into tables instead of being bound per socket. (Decision 0001)
 */
import type { INestApplication } from '@nestjs/common';
import { ApplicationConfig, type GraphInspector, type NestContainer } from '@nestjs/core';
import {
  GuardsContextCreator,
  Injector,
  InterceptorsContextCreator,
  PipesContextCreator,
  type InstanceWrapper,
} from '@nestjs/core/internal';
import type { MessageMappingProperties } from '@nestjs/websockets/gateway-metadata-explorer.js';
import { GATEWAY_METADATA, GATEWAY_OPTIONS, PORT_METADATA } from '@nestjs/websockets/internal';
import type { SocketServerProvider } from '@nestjs/websockets/socket-server-provider.js';
import { WebSocketsController } from '@nestjs/websockets/web-sockets-controller.js';
import type { Namespace, Server, ServerOptions } from 'socket.io';
import { containerOf } from '../../platform/nest-container.js';
import type { GatewaySocket } from '../../sockets/socket-state.js';
import { DirectContextCreator, FailingFiltersContext } from './nest-handlers.js';
import { isPromiseLike } from '../../protocol/promise-like.js';

export type Hook = (socket: GatewaySocket, ...rest: unknown[]) => unknown;

/**
 * Runs a handler with its guards, pipes and interceptors; rejects with {@link HandlerFailure}. A handler that has none
 * is called directly, and may then return or throw at once.
 */
export type Invoke = (socket: GatewaySocket, data: unknown, acknowledge?: Acknowledge) => unknown;

export type Acknowledge = (...args: unknown[]) => void;

/** One `@SubscribeMessage` method. */
export interface WiredHandler {
  readonly event: string;
  readonly method: string;
  readonly invoke: Invoke;
  /** The method takes `@Ack()` and answers by itself. */
  readonly answersItself: boolean;
  /** A request of the gateway's own protocol: nobody else hears it. */
  readonly isOwn: boolean;
}

/** One `@WebSocketGateway` class, ready to be used. */
export interface WiredGateway {
  readonly name: string;
  readonly type: unknown;
  readonly server: Server | Namespace;
  readonly handlers: readonly WiredHandler[];
  readonly onConnection: Hook | undefined;
  readonly onDisconnect: Hook | undefined;
}

/** Finds the server or namespace that was made for a gateway's decorator. */
export type FindServer = (
  port: number,
  path: string | undefined,
  namespace: unknown,
) => Server | Namespace | undefined;

/**
 * All gateway classes of the app with what Nest made of them.
 *
 * @param own the gateway's own class, made: its requests have nothing of the app's around them [T2]
 */
export function collectGateways(app: INestApplication, findServer: FindServer, own: object): WiredGateway[] {
  const container = containerOf(app);
  const config = app.get(ApplicationConfig);
  const filters = new FailingFiltersContext(container);
  const contexts = new DirectContextCreator(
    filters,
    new PipesContextCreator(container, config),
    new GuardsContextCreator(container, config),
    new InterceptorsContextCreator(container, config),
    own,
  );
  const collected: WiredGateway[] = [];
  const controller = new CollectingController(
    serverProvider(findServer),
    config,
    contexts,
    container,
    new Injector({ preview: false }),
    filters,
    // Nest has inspected the entry points already when it registered the gateways itself.
    { insertEntrypointDefinition: () => {} } as unknown as GraphInspector,
  );
  controller.own = own;
  controller.collect = (gateway) => collected.push(gateway);
  for (const { wrapper, moduleKey } of gatewayProviders(container)) {
    const isOwn = wrapper.metatype === own.constructor;
    controller.connectGatewayToServer(isOwn ? madeAs(wrapper, own) : wrapper, moduleKey);
  }
  return collected;
}

/** A request-scoped enhancer that an app sets globally has Nest make every gateway class per event; not this one. */
function madeAs({ name, metatype, id }: InstanceWrapper, instance: object): InstanceWrapper {
  const made = {
    name,
    metatype,
    id,
    instance,
    isDependencyTreeStatic: () => true,
    isDependencyTreeDurable: () => false,
  };
  return made as unknown as InstanceWrapper;
}

/** Makes `afterInit` hooks harmless: a failure goes to `onFailure` instead of ending the process. [L4] */
export function containInitHooks(
  app: INestApplication,
  onFailure: (gateway: string, failure: unknown) => void,
): void {
  for (const { wrapper } of gatewayProviders(containerOf(app))) {
    const gateway = wrapper.instance as { afterInit?: (server: unknown) => unknown } | undefined;
    const afterInit = gateway?.afterInit;
    if (!gateway || typeof afterInit !== 'function') continue;
    const name = wrapper.name as string;
    gateway.afterInit = (server) => {
      try {
        const done: unknown = afterInit.call(gateway, server);
        if (isPromiseLike(done)) done.then(undefined, (failure: unknown) => onFailure(name, failure));
      } catch (failure) {
        onFailure(name, failure);
      }
    };
  }
}

/**
 * What the gateway classes on one port and path ask of their server; of several that name an option, the first counts.
 *
 * Stock Nest takes the options of the first class only. On the default path that is the gateway's own, and what an
 * app asks for, a check of its own for example, would be dropped without a word.
 */
export function serverOptionsOf(
  app: INestApplication,
  port: number,
  path: string | undefined,
): Partial<ServerOptions> {
  const asked: Partial<ServerOptions>[] = [];
  for (const { wrapper } of gatewayProviders(containerOf(app))) {
    const type = wrapper.metatype as object;
    const options = (Reflect.getMetadata(GATEWAY_OPTIONS, type) ?? {}) as Partial<ServerOptions>;
    if (Reflect.getMetadata(PORT_METADATA, type) === port && options.path === path) asked.unshift(options);
  }
  return Object.assign({}, ...asked) as Partial<ServerOptions>;
}

function* gatewayProviders(
  container: NestContainer,
): Generator<{ wrapper: InstanceWrapper; moduleKey: string }> {
  for (const [moduleKey, { providers }] of container.getModules()) {
    for (const wrapper of providers.values()) {
      const { metatype } = wrapper;
      if (wrapper.isNotMetatype || typeof metatype !== 'function') continue;
      if (Reflect.hasMetadata(GATEWAY_METADATA, metatype)) yield { wrapper, moduleKey };
    }
  }
}

function serverProvider(findServer: FindServer): SocketServerProvider {
  const provider: Pick<SocketServerProvider, 'scanForSocketServer'> = {
    scanForSocketServer: (options, port) => {
      const { namespace, path } = options as { namespace?: unknown; path?: string };
      const server = findServer(port, path, namespace);
      if (!server) throw new Error(`no server for a gateway on port ${port}`);
      return { server } as ReturnType<SocketServerProvider['scanForSocketServer']>;
    },
  };
  return provider as SocketServerProvider;
}

class CollectingController extends WebSocketsController {
  collect: (gateway: WiredGateway) => void = () => {};
  own: object | undefined;

  /** Where stock Nest would bind everything to every socket. */
  override subscribeEvents(
    wrapper: InstanceWrapper,
    handlers: MessageMappingProperties[],
    { server }: { server: unknown },
    // Nest's own type of hooks.
    // oxlint-disable-next-line no-unsafe-function-type
    onConnection?: Function,
    // oxlint-disable-next-line no-unsafe-function-type
    onDisconnect?: Function,
  ): void {
    const { prototype } = wrapper.metatype as { prototype: Record<string, unknown> };
    this.collect({
      name: wrapper.name as string,
      type: wrapper.metatype,
      server: server as Server | Namespace,
      handlers: handlers.map((handler) => ({
        // A number is an event name to Socket.IO, and the same as its text.
        event: String(handler.message),
        method: handler.methodName,
        invoke: handler.callback as unknown as Invoke,
        answersItself: handler.isAckHandledManually,
        isOwn: wrapper.instance === this.own,
      })),
      // For a request-scoped gateway Nest gives a hook even where the class has none.
      onConnection: prototype['handleConnection'] ? (onConnection as Hook) : undefined,
      onDisconnect: prototype['handleDisconnect'] ? (onDisconnect as Hook) : undefined,
    });
  }
}

/** Gives failures to the caller; stock Nest emits `exception` and resolves with nothing. */
