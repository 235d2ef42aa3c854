/**
 * How handlers of gateway classes are made: by Nest, with failures that come back to the caller instead of being
 * swallowed, and without Nest's way around those that have nothing around them.
 */
import type { ArgumentsHost } from '@nestjs/common';
import type { ExceptionFilterMetadata } from '@nestjs/common/internal';
import { selectExceptionFilterMetadata } from '@nestjs/common/internal';
import type { ContextId } from '@nestjs/core';
import {
  ExecutionContextHost,
  GuardsConsumer,
  GuardsContextCreator,
  InterceptorsConsumer,
  InterceptorsContextCreator,
  PipesConsumer,
  PipesContextCreator,
  STATIC_CONTEXT,
} from '@nestjs/core/internal';
import { ExceptionFiltersContext } from '@nestjs/websockets/context/exception-filters-context.js';
import { WsContextCreator } from '@nestjs/websockets/context/ws-context-creator.js';
import { WsProxy } from '@nestjs/websockets/context/ws-proxy.js';
import { WsExceptionsHandler } from '@nestjs/websockets/exceptions/ws-exceptions-handler.js';
import { isObservable, type Observable } from 'rxjs';
import { catchError } from 'rxjs/operators';
import type { z } from 'zod';
import { HandlerFailure } from '../dispatch/failures.js';
import { ParseRequest } from '../dispatch/parse-request.pipe.js';

/**
 * Makes handlers as Nest does, but calls those directly that have nothing around them.
 *
 * Nest's way through guards, pipes and interceptors is some ten promises long even where there are none of them.
 */
export class DirectContextCreator extends WsContextCreator {
  constructor(
    private readonly filters: FailingFiltersContext,
    private readonly pipes: PipesContextCreator,
    private readonly guards: GuardsContextCreator,
    private readonly interceptors: InterceptorsContextCreator,
    /** The gateway's own class, made: what an app sets globally is not meant for it. [T2] */
    private readonly own: object,
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
    const isBare =
      instance === this.own || (contextId === STATIC_CONTEXT && this.isBare(instance, method, moduleKey));
    if (!isBare) return throughNest;
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

export class FailingFiltersContext extends ExceptionFiltersContext {
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
