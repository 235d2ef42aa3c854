import type { INestApplication } from '@nestjs/common';

type Create = (instance: object, ...rest: unknown[]) => unknown;

/** Makes something of a controller's method: a handler with what is around it, or what its failures go through. */
export interface RouteCreator {
  create: Create;
}

/** What Nest's router makes routes with. */
export interface RouteCreators {
  readonly handlers: RouteCreator;
  readonly filters: RouteCreator;
}

interface ApplicationInternals {
  readonly routesResolver?: {
    readonly routerExceptionsFilter?: Partial<RouteCreator>;
    readonly routerExplorer?: { readonly executionContextCreator?: Partial<RouteCreator> };
  };
}

/** Nest offers no public way to its router; `undefined` when this version keeps it elsewhere. */
export function routeCreatorsOf(app: INestApplication): RouteCreators | undefined {
  const { routesResolver } = app as unknown as ApplicationInternals;
  const handlers = routesResolver?.routerExplorer?.executionContextCreator;
  const filters = routesResolver?.routerExceptionsFilter;
  return isCreator(handlers) && isCreator(filters) ? { handlers, filters } : undefined;
}

const isCreator = (creator: Partial<RouteCreator> | undefined): creator is RouteCreator =>
  typeof creator?.create === 'function';
