/**
 * The one file that knows Nest's own WebSocket wiring.
 *
 * Stock Nest binds every handler of every gateway to every socket and drops what hooks and handlers promise. Here
 * Nest still builds the handlers, with their guards, pipes, interceptors and request scopes, exactly as it documents
 * them; but they are collected once into tables instead of being bound per socket, and their failures come back to
 * the caller instead of being swallowed. (DESIGN, decision 3)
 */
import type { ArgumentsHost, INestApplication } from '@nestjs/common';
import type { ExceptionFilterMetadata } from '@nestjs/common/internal';
import { selectExceptionFilterMetadata } from '@nestjs/common/internal';
import { ApplicationConfig, type ContextId, type GraphInspector, type NestContainer } from '@nestjs/core';
import {
  ExecutionContextHost,
  GuardsConsumer,
  GuardsContextCreator,
  Injector,
  InterceptorsConsumer,
  InterceptorsContextCreator,
  PipesConsumer,
  PipesContextCreator,
  STATIC_CONTEXT,
  type InstanceWrapper,
} from '@nestjs/core/internal';
import { ExceptionFiltersContext } from '@nestjs/websockets/context/exception-filters-context.js';
import { WsContextCreator } from '@nestjs/websockets/context/ws-context-creator.js';
import { WsProxy } from '@nestjs/websockets/context/ws-proxy.js';
import { WsExceptionsHandler } from '@nestjs/websockets/exceptions/ws-exceptions-handler.js';
import type { MessageMappingProperties } from '@nestjs/websockets/gateway-metadata-explorer.js';
import { GATEWAY_METADATA } from '@nestjs/websockets/internal';
import type { SocketServerProvider } from '@nestjs/websockets/socket-server-provider.js';
import { WebSocketsController } from '@nestjs/websockets/web-sockets-controller.js';
import { isObservable, type Observable } from 'rxjs';
import { catchError } from 'rxjs/operators';
import type { Namespace, Server } from 'socket.io';
import type { z } from 'zod';
import type { GatewaySocket } from '../registry/socket-state.js';
import { HandlerFailure } from './failures.js';
import { ParseRequest } from './parse-request.pipe.js';
import { isPromiseLike } from './promise-like.js';

/** A lifecycle hook of a gateway. */
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

/** All gateway classes of the app with what Nest made of them. */
export function collectGateways(app: INestApplication, findServer: FindServer): WiredGateway[] {
  const container = containerOf(app);
  const config = app.get(ApplicationConfig);
  const filters = new FailingFiltersContext(container);
  const contexts = new DirectContextCreator(
    filters,
    new PipesContextCreator(container, config),
    new GuardsContextCreator(container, config),
    new InterceptorsContextCreator(container, config),
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
  controller.collect = (gateway) => collected.push(gateway);
  for (const { wrapper, moduleKey } of gatewayProviders(container)) {
    controller.connectGatewayToServer(wrapper, moduleKey);
  }
  return collected;
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

/** Nest offers no public way to its container; every context creator needs it. */
function containerOf(app: INestApplication): NestContainer {
  const { container } = app as unknown as { container?: NestContainer };
  if (!container) throw new Error('this version of @nestjs/core keeps its container elsewhere');
  return container;
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

/**
 * Makes handlers as Nest does, but calls those directly that have nothing around them.
 *
 * Nest's way through guards, pipes and interceptors is some ten promises long even where there are none of them.
 */
class DirectContextCreator extends WsContextCreator {
  constructor(
    private readonly filters: FailingFiltersContext,
    private readonly pipes: PipesContextCreator,
    private readonly guards: GuardsContextCreator,
    private readonly interceptors: InterceptorsContextCreator,
  ) {
    super(
      new FailingProxy(),
      filters,
      pipes,
      new PipesConsumer(),
      guards,
      new GuardsConsumer(),
      interceptors,
      new InterceptorsConsumer(),
    );
  }

  override create(
    instance: object,
    method: Method,
    moduleKey: string,
    methodName: string,
    contextId: ContextId = STATIC_CONTEXT,
    inquirerId?: string,
  ): (...args: unknown[]) => Promise<void> {
    const throughNest = super.create(instance, method, moduleKey, methodName, contextId, inquirerId);
    if (contextId !== STATIC_CONTEXT || !this.isBare(instance, method, moduleKey)) return throughNest;
    const parameters = this.parametersOf(instance, moduleKey, methodName);
    if (!parameters) return throughNest;
    const { argsLength, values } = parameters;
    const direct = (...args: unknown[]): unknown => {
      const given: unknown[] = Array.from({ length: argsLength });
      for (const { index, valueOf } of values) given[index] = valueOf(args);
      return method.apply(instance, given);
    };
    // Nest's type promises a promise; what is made here is only called by the inbox, which takes either.
    return direct as (...args: unknown[]) => Promise<void>;
  }

  private isBare(instance: object, method: Method, moduleKey: string): boolean {
    const around = [this.guards, this.pipes, this.interceptors].map((creator) =>
      creator.create(instance as never, method as never, moduleKey),
    );
    const filters = this.filters.create(instance, method as never, moduleKey) as FailingFilters;
    return around.every((each) => each.length === 0) && !filters.hasAny;
  }

  /** How each parameter is had, or `undefined` when one of them takes more than can be done at once. */
  private parametersOf(
    instance: object,
    moduleKey: string,
    methodName: string,
  ): { argsLength: number; values: { index: number; valueOf: (args: unknown[]) => unknown }[] } | undefined {
    const { argsLength, getParamsMetadata } = this.getMetadata(instance as never, methodName, 'ws');
    const parameters = getParamsMetadata(moduleKey) as readonly Parameter[];
    const canBeDirect = parameters.every(
      ({ type, pipes, schema }) =>
        typeof type === 'number' &&
        schema === undefined &&
        pipes.every((pipe) => pipe instanceof ParseRequest),
    );
    if (!canBeDirect) return undefined;
    const values = parameters.map(({ index, extractValue, pipes }) => ({
      index,
      valueOf: (args: unknown[]): unknown =>
        (pipes as ParseRequest<z.ZodType>[]).reduce<unknown>(
          (value, pipe) => pipe.transform(value),
          extractValue(...args),
        ),
    }));
    return { argsLength, values };
  }
}

type Method = (...args: unknown[]) => unknown;

/** What Nest knows of a handler's parameter. */
interface Parameter {
  readonly index: number;
  /** A number for what Nest's own decorators take, text for custom ones. */
  readonly type: number | string;
  readonly pipes: readonly unknown[];
  readonly schema?: unknown;
  extractValue(...args: unknown[]): unknown;
}

class CollectingController extends WebSocketsController {
  collect: (gateway: WiredGateway) => void = () => {};

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
        event: handler.message as string,
        method: handler.methodName,
        invoke: handler.callback as unknown as Invoke,
        answersItself: handler.isAckHandledManually,
      })),
      // For a request-scoped gateway Nest gives a hook even where the class has none.
      onConnection: prototype['handleConnection'] ? (onConnection as Hook) : undefined,
      onDisconnect: prototype['handleDisconnect'] ? (onDisconnect as Hook) : undefined,
    });
  }
}

/** Gives failures to the caller; stock Nest emits `exception` and resolves with nothing. */
class FailingProxy extends WsProxy {
  override create<T extends (...args: unknown[]) => Promise<unknown>>(
    target: T,
    filters: WsExceptionsHandler,
    pattern?: string,
  ): (...args: unknown[]) => Promise<unknown> {
    return async (...args) => {
      const fullArgs = [...args, pattern ?? 'unknown'];
      const fail = (failure: unknown): Promise<never> =>
        (filters as FailingFilters).fail(failure, hostOf(fullArgs));
      let result: unknown;
      try {
        result = await target(...fullArgs);
      } catch (failure) {
        return fail(failure);
      }
      return isObservable(result) ? (result as Observable<unknown>).pipe(catchError(fail)) : result;
    };
  }
}

function hostOf(args: unknown[]): ArgumentsHost {
  const host = new ExecutionContextHost(args);
  host.setType('ws');
  return host;
}

class FailingFiltersContext extends ExceptionFiltersContext {
  override create(...args: Parameters<ExceptionFiltersContext['create']>): WsExceptionsHandler {
    const stock = super.create(...args) as unknown as { filters: ExceptionFilterMetadata[] };
    return new FailingFilters(stock.filters);
  }
}

class FailingFilters extends WsExceptionsHandler {
  constructor(private readonly custom: ExceptionFilterMetadata[]) {
    super();
  }

  get hasAny(): boolean {
    return this.custom.length > 0;
  }

  /** Runs the app's own filter, if one matches, and rejects in any case. */
  async fail(failure: unknown, host: ArgumentsHost): Promise<never> {
    const filter = selectExceptionFilterMetadata(this.custom, failure);
    if (!filter) throw new HandlerFailure(failure, false);
    try {
      await filter.func(failure, host);
    } catch (replacement) {
      throw new HandlerFailure(replacement, false);
    }
    throw new HandlerFailure(failure, true);
  }

  /** Called by Nest when a request-scoped gateway cannot be made; what is thrown here rejects the call. */
  override handle(failure: unknown): void {
    throw new HandlerFailure(failure, false);
  }
}
