/** A service of Nest that asks a gateway by messages, with one class of a test in it. */
import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SwitchboardClientModule, type SwitchboardClientOptions } from 'switchboard-gateway/client';

/** The service with its instance of the class. */
export interface RemoteService<Provided> {
  readonly provided: Provided;
  close(): Promise<void>;
}

export async function startRemoteService<Provided>(
  provider: Type<Provided>,
  options: SwitchboardClientOptions,
): Promise<RemoteService<Provided>> {
  @Module({ imports: [SwitchboardClientModule.register(options)], providers: [provider] })
  class ServiceModule {}

  const app = await NestFactory.createApplicationContext(ServiceModule, { logger: false });
  return { provided: app.get(provider), close: () => app.close() };
}
