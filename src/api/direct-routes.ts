/**
 * The routes of the API as plain functions, made from what their decorators say.
 *
 * Nest stays the only place where a route is described: path, method, status, guards, schemas and parameters are read
 * with Nest's own readers, and guards, pipe and method are those that Nest would call. Only the way between them is
 * shorter. A route with anything around it that is not known here is left to Nest. (Decision 0009)
 */
import {
  ForbiddenException,
  type RequestMethod,
  VERSION_NEUTRAL,
  type INestApplication,
} from '@nestjs/common';
import {
  EXCEPTION_FILTERS_METADATA,
  HOST_METADATA,
  METHOD_METADATA,
  REDIRECT_METADATA,
  RENDER_METADATA,
  RESPONSE_PASSTHROUGH_METADATA,
  RouteParamtypes,
  VERSION_METADATA,
} from '@nestjs/common/internal';
import { ApplicationConfig } from '@nestjs/core';
import {
  GuardsConsumer,
  GuardsContextCreator,
  InterceptorsConsumer,
  InterceptorsContextCreator,
  PipesConsumer,
  PipesContextCreator,
} from '@nestjs/core/internal';
import { RouteParamsFactory } from '@nestjs/core/router/route-params-factory.js';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiKeyGuard } from '../access/api-key.guard.js';
import { ApiOriginGuard } from '../http/origin.guard.js';
import { containerOf } from '../platform/nest-container.js';
import { listApiRoutes, type ApiRouteDescription, type RouteMethod } from './api-routes.js';
import { DirectContext, DirectContexts } from './direct-context.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { ApiValidationPipe } from './validation.pipe.js';

/** A request with what Nest's parameter decorators look for. */
export interface RoutedRequest extends IncomingMessage {
  params?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, unknown>>;
  body?: unknown;
}

/** A route and, unless it is left to Nest, the two steps that answer a request. */
export interface ApiRouteEntry extends ApiRouteDescription {
  /** Lets the request through the guards, or throws what they throw; before anything of the body is read. [Q6] */
  readonly admit: ((request: RoutedRequest, response: ServerResponse) => void) | undefined;
  /** Checks the input and calls the method; throws what any of them throws. */
  readonly run: ((request: RoutedRequest, response: ServerResponse) => unknown) | undefined;
}

/** Parameters whose value is at hand at once. Of a custom decorator the type is text. */
const READABLE: ReadonlySet<unknown> = new Set([
  RouteParamtypes.BODY,
  RouteParamtypes.HEADERS,
  RouteParamtypes.PARAM,
  RouteParamtypes.QUERY,
  RouteParamtypes.RESPONSE,
]);

/** What changes how Nest finds a route or answers it, on the method or its class. */
const UNKNOWN_HERE = [HOST_METADATA, REDIRECT_METADATA, RENDER_METADATA];

/** All routes of the API, in the order in which Nest registers them. */
export function readApiRoutes(app: INestApplication): ApiRouteEntry[] {
  const container = containerOf(app);
  const config = app.get(ApplicationConfig);
  const guards = new GuardsContextCreator(container, config);
  const interceptors = new InterceptorsContextCreator(container, config);
  const pipes = new PipesContextCreator(container, config);
  const contexts = new DirectContexts(
    new RouteParamsFactory(config),
    pipes,
    new PipesConsumer(),
    guards,
    new GuardsConsumer(),
    interceptors,
    new InterceptorsConsumer(),
    app.getHttpAdapter(),
  );
  return listApiRoutes(app).map((route) => ({ ...route, ...compile(route) }));

  function compile({
    controller,
    method,
    name,
    moduleKey,
  }: ApiRouteDescription): Pick<ApiRouteEntry, 'admit' | 'run'> {
    const around = [controller as never, method, moduleKey] as const;
    const routeGuards = guards.create(...around) as (ApiOriginGuard | ApiKeyGuard)[];
    const [pipe, ...morePipes] = pipes.create(...around) as ApiValidationPipe[];
    const verb = Reflect.getMetadata(METHOD_METADATA, method) as RequestMethod;
    const metadata = contexts.getMetadata(controller as never, method, name, moduleKey, verb, 'http');
    const parameters = metadata.getParamsMetadata(moduleKey);
    const readsResponse = parameters.some(({ type }) => type === RouteParamtypes.RESPONSE);
    const isKnown =
      routeGuards.every((guard) => guard instanceof ApiOriginGuard || guard instanceof ApiKeyGuard) &&
      pipe instanceof ApiValidationPipe &&
      morePipes.length === 0 &&
      interceptors.create(...around).length === 0 &&
      hasOnlyProblemFilter(controller.constructor, method) &&
      !UNKNOWN_HERE.some((key) => isSet(key, method) || isSet(key, controller.constructor)) &&
      !isVersioned(method) &&
      !isVersioned(controller.constructor) &&
      !(readsResponse && !isSet(RESPONSE_PASSTHROUGH_METADATA, controller.constructor, name)) &&
      !metadata.hasCustomHeaders &&
      !metadata.isSseHandler &&
      parameters.every(
        ({ type, pipes }) => (typeof type === 'string' || READABLE.has(type)) && !pipes.length,
      );
    if (!isKnown) return { admit: undefined, run: undefined };

    // In the order in which Nest reads them, so that of several faults the same one is reported.
    const readers = parameters.map(({ index, type, extractValue, schema }) => ({
      index,
      read(request: RoutedRequest, response: ServerResponse): unknown {
        const value: unknown = extractValue(request, response, unreachable);
        return schema && contexts.isPipeable(type) ? pipe.transform(value, { schema }) : value;
      },
    }));
    const noArguments = readers.map((): unknown => undefined);
    return {
      admit(request, response) {
        const context = new DirectContext([request, response], controller.constructor as never, method);
        for (const guard of routeGuards) if (!guard.canActivate(context)) throw new ForbiddenException();
      },
      run(request, response) {
        response.statusCode = metadata.httpStatusCode;
        const args = noArguments.slice();
        for (const { index, read } of readers) args[index] = read(request, response);
        return method.apply(controller, args);
      },
    };
  }
}

/** `@Controller()` leaves keys without a value. */
const isSet = (key: string, target: object, property?: string): boolean =>
  (property === undefined
    ? (Reflect.getMetadata(key, target) as unknown)
    : (Reflect.getMetadata(key, target, property) as unknown)) !== undefined;

const isVersioned = (target: object): boolean => {
  const version: unknown = Reflect.getMetadata(VERSION_METADATA, target);
  return version !== undefined && version !== VERSION_NEUTRAL;
};

function hasOnlyProblemFilter(controller: object, method: RouteMethod): boolean {
  const filters = [controller, method].flatMap(
    (target) => (Reflect.getMetadata(EXCEPTION_FILTERS_METADATA, target) ?? []) as unknown[],
  );
  return filters.length === 1 && filters[0] === ProblemFilter;
}

/** `@Next()` is not among the parameters that are read here. */
const unreachable = (): never => {
  throw new Error('a direct route has no next');
};
