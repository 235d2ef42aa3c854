import type { INestApplication, Type } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { RoutesMapper } from '@nestjs/core/middleware/routes-mapper.js';
import { containerOf } from '../platform/nest-container.js';

/**
 * Keeps the routes of these modules where proxies, probes and the playground look for them, whatever prefix an app
 * gives to its own. [C5]
 *
 * An app may set its prefix, with exceptions of its own, at any time until it starts: so these are added when Nest
 * asks. They are compared with paths as they are declared: `v1/users/me` of the app keeps the prefix, though it would
 * fit `v1/users/:user`.
 */
export function exemptFromGlobalPrefix(app: INestApplication, modules: ReadonlySet<unknown>): void {
  const config = app.get(ApplicationConfig);
  const mapper = new RoutesMapper(containerOf(app), config);
  const routes = controllersOf(app, modules)
    .flatMap((controller) => mapper.mapRouteToRouteInfo(controller))
    .map(({ path, method }) => ({ path, requestMethod: method, pathRegex: exactly(path) }));
  const optionsOfApp = config.getGlobalPrefixOptions.bind(config);
  config.getGlobalPrefixOptions = () => {
    const options = optionsOfApp();
    if (config.getGlobalPrefix() === '') return options;
    return { ...options, exclude: [...(options.exclude ?? []), ...routes] };
  };
}

/** The controllers of these modules. */
export const controllersOf = (app: INestApplication, modules: ReadonlySet<unknown>): Type[] =>
  [...containerOf(app).getModules().values()]
    .filter(({ metatype }) => modules.has(metatype))
    .flatMap(({ controllers }) => [...controllers.values()])
    .map(({ metatype }) => metatype as Type);

/** Names, slashes and colons, which are themselves in a pattern; Nest adds a slash to the path of a controller. */
const exactly = (path: string): RegExp => new RegExp(`^${path.replace(/\/$/, '')}/?$`);
