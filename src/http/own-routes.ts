import { Logger, type INestApplication } from '@nestjs/common';
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
import { RouterExceptionFilters } from '@nestjs/core/router/router-exception-filters.js';
import { RouterExecutionContext } from '@nestjs/core/router/router-execution-context.js';
import { containerOf } from '../platform/nest-container.js';
import { routeCreatorsOf, type RouteCreator } from '../platform/nest-router.js';
import { controllersOf } from './fixed-paths.js';

/**
 * Keeps an app's global guards, pipes, interceptors and filters off the routes of these modules. [T2]
 *
 * They are written for the app's own routes: a guard that asks for its session would keep probes and backends out, and an
 * interceptor that wraps answers would change the API. The routes of these modules are made as in an app that has no
 * global enhancers; what stands on their controllers holds.
 */
export function exemptFromGlobalEnhancers(app: INestApplication, modules: ReadonlySet<unknown>): void {
  const own = new Set<unknown>(controllersOf(app, modules));
  if (own.size === 0) return;
  const creators = routeCreatorsOf(app);
  if (!creators) {
    new Logger('Gateway').warn(
      "this version of @nestjs/core puts the app's global enhancers on the gateway's routes",
    );
    return;
  }
  const container = containerOf(app);
  const httpAdapter = container.getHttpAdapterRef();
  const without = new ApplicationConfig();
  const bareHandlers = new RouterExecutionContext(
    new RouteParamsFactory(app.get(ApplicationConfig)),
    new PipesContextCreator(container, without),
    new PipesConsumer(),
    new GuardsContextCreator(container, without),
    new GuardsConsumer(),
    new InterceptorsContextCreator(container, without),
    new InterceptorsConsumer(),
    httpAdapter,
  );
  const bareFilters = new RouterExceptionFilters(container, without, httpAdapter);
  divert(creators.handlers, bareHandlers as unknown as RouteCreator, own);
  divert(creators.filters, bareFilters as unknown as RouteCreator, own);
}

/** From now on what is made for these controllers is made by another creator. */
function divert(creator: RouteCreator, bare: RouteCreator, controllers: ReadonlySet<unknown>): void {
  const create = creator.create.bind(creator);
  creator.create = (instance, ...rest) =>
    controllers.has(instance.constructor) ? bare.create(instance, ...rest) : create(instance, ...rest);
}
