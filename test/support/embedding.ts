import { Module, type LoggerService, type ModuleMetadata, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { setupSwitchboard, SwitchboardModule, type SwitchboardModuleOptions } from 'switchboard-gateway';
import { startApp, type TestGateway } from 'switchboard-gateway/testing';
import { Metrics } from '../../src/telemetry/metrics.js';

export interface EmbeddingOptions extends ModuleMetadata {
  readonly options?: SwitchboardModuleOptions;
  readonly logger?: LoggerService;
  /** Before `setupSwitchboard`. */
  readonly first?: (app: INestApplication) => void;
  /** Between `setupSwitchboard` and `listen`. */
  readonly before?: (app: INestApplication) => void;
}

/** An app of one module that embeds the gateway, made and set up, not yet listening. */
export async function createEmbedding({
  options = {},
  logger,
  imports = [],
  first,
  before,
  ...metadata
}: EmbeddingOptions): Promise<INestApplication> {
  @Module({
    // Tests of everything else tell clients apart by the names that they give themselves.
    imports: [
      SwitchboardModule.forRoot({ drainWindowMs: 100, clientsNameThemselves: true, ...options }),
      ...imports,
    ],
    ...metadata,
  })
  class EmbeddingModule {}

  const app = await NestFactory.create(EmbeddingModule, { logger: logger ?? false, abortOnError: false });
  first?.(app);
  setupSwitchboard(app);
  before?.(app);
  return app;
}

const started = new Set<TestGateway>();

/** The same, listening on a free port. */
export async function startEmbedding(options: EmbeddingOptions): Promise<TestGateway> {
  const gateway = await startApp(await createEmbedding(options));
  started.add(gateway);
  return gateway;
}

/** For `afterEach`: closes what the test has started. */
export async function closeEmbeddings(): Promise<void> {
  const gateways = [...started];
  started.clear();
  await Promise.all(gateways.map((gateway) => gateway.close()));
}

/** The value of a counter, summed up over the labels that are not given. */
export async function counted(
  gateway: TestGateway,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const text = await gateway.app.get(Metrics).scrape();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`switchboard_${name}{`) || line.startsWith(`switchboard_${name} `))
    .filter((line) =>
      Object.entries(labels).every(([label, wanted]) => line.includes(`${label}="${wanted}"`)),
    )
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
