import { NestApplication } from '@nestjs/core';

/** What loads Nest's package of microservices into every app that finds it installed. */
const LOADERS = ['preloadLazyPackages', 'loadMicroservicesModule'] as const;

/**
 * Apps of this process start without Nest's package of microservices: 124 modules, a tenth of a start, and 8 MB that stay.
 *
 * Nest loads it wherever it is installed, for `connectMicroservice()` and `@MessagePattern()`. The service has neither: its
 * door for messages opens Nest's servers itself, and loads them where an address is given. For the service's own process
 * only; an app that embeds the gateway decides for itself. With a version of Nest that loads it elsewhere it is loaded.
 */
export function startWithoutMicroservices(): void {
  const loaders = NestApplication.prototype as unknown as Record<string, () => Promise<void>>;
  for (const name of LOADERS) if (name in loaders) loaders[name] = () => Promise.resolve();
}
