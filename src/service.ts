import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { serveApiDirectly } from './api/direct-api.js';
import { serveApiDocs } from './api/api-docs.js';
import { AppModule } from './app.module.js';
import type { SwitchboardConfig, SwitchboardOptions } from './config/config.js';
import { SWITCHBOARD_CONFIG } from './config/config.token.js';
import { continueWhenAdmitted } from './http/expect-continue.js';
import { takeOffPrefix } from './http/path-prefix.js';
import { limitClosing } from './operations/closing.js';
import { harden } from './operations/hardening.js';
import { serveWhyPages } from './recorder/why-pages.js';
import { refuseOtherMethods } from './operations/other-methods.js';
import { setupSwitchboard } from './setup-switchboard.js';

/** The service, set up and not yet listening. */
export async function createService(
  options: SwitchboardOptions,
  logger: LoggerService | false,
): Promise<NestExpressApplication> {
  // By name: Nest would load all of its package, which takes files that are uploaded as well.
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.with(options),
    new ExpressAdapter(),
    {
      logger,
      // The API reads bodies itself, under its own limits; nothing else here takes any.
      bodyParser: false,
      abortOnError: false,
    },
  );
  app.disable('x-powered-by');
  harden(app);
  limitClosing(app.getHttpServer());
  continueWhenAdmitted(app.getHttpServer());
  setupSwitchboard(app);
  serveApiDocs(app);
  serveWhyPages(app);
  app.use(refuseOtherMethods);
  // In front of Express: a middleware added with app.use sees only those API requests that are passed on.
  serveApiDirectly(app);
  const { pathPrefix } = app.get<SwitchboardConfig>(SWITCHBOARD_CONFIG);
  if (pathPrefix !== undefined) takeOffPrefix(app.getHttpServer(), pathPrefix);
  return app;
}
