/** The routes of the API as Nest's decorators describe them, and the one that a request is for. */
import { RequestMethod, type INestApplication } from '@nestjs/common';
import {
  METHOD_METADATA,
  PATH_METADATA,
  ROUTE_ARGS_METADATA,
  RouteParamtypes,
} from '@nestjs/common/internal';
import { MetadataScanner } from '@nestjs/core';
import { containerOf } from '../platform/nest-container.js';
import { SwitchboardApiModule } from './api.module.js';

export type RouteMethod = (...args: unknown[]) => unknown;

/** One method of a controller under one path. */
export interface ApiRouteDescription {
  /** `GET` */
  readonly verb: string;
  /** `['v1', 'users', ':user']` */
  readonly segments: readonly string[];
  readonly readsQuery: boolean;
  readonly controller: object;
  readonly method: RouteMethod;
  readonly name: string;
  readonly moduleKey: string;
}

/** All routes of the API, in the order in which Nest registers them. */
export function listApiRoutes(app: INestApplication): ApiRouteDescription[] {
  const routes: ApiRouteDescription[] = [];
  for (const [moduleKey, { controllers, metatype }] of containerOf(app).getModules()) {
    if (metatype !== SwitchboardApiModule) continue;
    for (const { instance } of controllers.values()) {
      const controller = instance as object;
      const prototype = Object.getPrototypeOf(controller) as object;
      for (const name of new MetadataScanner().getAllMethodNames(prototype)) {
        const method = (controller as Record<string, unknown>)[name] as RouteMethod;
        for (const segments of pathsOf(controller.constructor, method)) {
          const verb = RequestMethod[Reflect.getMetadata(METHOD_METADATA, method) as RequestMethod];
          const readsQuery = readsQueryOf(controller.constructor, name);
          routes.push({ verb, segments, readsQuery, controller, method, name, moduleKey });
        }
      }
    }
  }
  return routes;
}

/** Parameters are kept by their kind and place: `4:0`. */
function readsQueryOf(controller: object, name: string): boolean {
  const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {}) as object;
  return Object.keys(parameters).some((key) => key.startsWith(`${RouteParamtypes.QUERY}:`));
}

/** The paths of a method, `[]` when it is no route. */
function pathsOf(controller: object, method: unknown): string[][] {
  if (typeof method !== 'function') return [];
  const ends = listOf(Reflect.getMetadata(PATH_METADATA, method));
  const starts = listOf(Reflect.getMetadata(PATH_METADATA, controller));
  return starts.flatMap((start) => ends.map((end) => segmentsOf(`${start}/${end}`)));
}

const listOf = (paths: unknown): string[] =>
  paths === undefined ? [] : typeof paths === 'string' ? [paths] : (paths as string[]);

function segmentsOf(path: string): string[] {
  const segments = path.split('/').filter((segment) => segment !== '');
  if (segments.every((segment) => /^:?[\w-]+$/.test(segment))) return segments;
  throw new Error(`the API route ${path} has more than names and :parameters in it; teach api-routes.ts`);
}

/** The parameters of a path, by their names in the route. */
export type PathParams = Record<string, string>;

interface FoundRoute<Route> {
  readonly route: Route;
  readonly params: PathParams;
}

/** Routes by their number of segments: few enough to look through. */
export class RouteTable<Route extends Pick<ApiRouteDescription, 'verb' | 'segments'>> {
  private readonly routes = new Map<number, Route[]>();
  /** Routes without parameters, by path as nearly everybody writes it, and method. */
  private readonly plain = new Map<string, Map<string, FoundRoute<Route>>>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const { length } = route.segments;
      this.routes.set(length, [...(this.routes.get(length) ?? []), route]);
    }
    for (const route of routes) {
      const path = `/${route.segments.join('/')}`;
      // One before it may take the path as well.
      const found = path.includes(':') ? undefined : this.search(route.verb, path);
      if (!found) continue;
      const byMethod = this.plain.get(path) ?? new Map<string, FoundRoute<Route>>();
      this.plain.set(path, byMethod.set(route.verb, found));
    }
  }

  /** A route without parameters, where the path is written as it is declared. */
  findPlain(method: string, path: string): FoundRoute<Route> | undefined {
    return this.plain.get(path)?.get(method);
  }

  /** `undefined` when there is none, or its parameters cannot be read. */
  find(method: string, path: string): FoundRoute<Route> | undefined {
    return this.findPlain(method, path) ?? this.search(method, path);
  }

  private search(method: string, path: string): FoundRoute<Route> | undefined {
    const segments = path.split('/');
    segments.shift();
    for (const route of this.routes.get(segments.length) ?? []) {
      if (route.verb !== method) continue;
      const params = match(route.segments, segments);
      if (params === 'unreadable') return undefined;
      if (params !== 'another route') return { route, params };
    }
    return undefined;
  }

  /** The methods that a path has. */
  methodsOf(path: string): string[] {
    const segments = path.split('/');
    segments.shift();
    const found = (this.routes.get(segments.length) ?? []).filter(
      (route) => typeof match(route.segments, segments) === 'object',
    );
    return [...new Set(found.map(({ verb }) => verb))];
  }
}

/** The parameters of a path, if it is one of this route. Names of routes are the same in any case, as in Express. */
function match(
  route: readonly string[],
  segments: readonly string[],
): PathParams | 'another route' | 'unreadable' {
  const params: PathParams = {};
  for (let index = 0; index < route.length; index++) {
    const expected = route[index]!;
    const segment = segments[index]!;
    if (!expected.startsWith(':')) {
      if (expected !== segment && expected !== segment.toLowerCase()) return 'another route';
      continue;
    }
    if (segment === '') return 'another route';
    const value = decoded(segment);
    if (value === undefined) return 'unreadable';
    params[expected.slice(1)] = value;
  }
  return params;
}

function decoded(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
