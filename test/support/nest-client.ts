/** Clients of Nest as a service has them, for tests. */
import { ClientProxyFactory, type ClientOptions, type ClientProxy } from '@nestjs/microservices';
import { firstValueFrom, timeout } from 'rxjs';
import { parseServiceAddress } from '../../src/config/service-address.js';
import { containClient } from '../../src/outbound/amqp-channels.js';
import { nestOptionsOf, withDefaults } from '../../src/outbound/nest-options.js';

const opened = new Set<ClientProxy>();

/** The options of Nest for an address. */
export const optionsFor = (url: string, queue = 'switchboard'): ClientOptions =>
  withDefaults(nestOptionsOf(parseServiceAddress(url)!, undefined), queue) as ClientOptions;

/** Nest's client, connected. */
export async function nestClient(url: string, queue?: string): Promise<ClientProxy> {
  const client = ClientProxyFactory.create(optionsFor(url, queue));
  Object.assign(client, { logger: { log() {}, warn() {}, error() {}, debug() {} } });
  containClient(client);
  opened.add(client);
  await client.connect();
  return client;
}

/** For `afterEach`. */
export async function closeNestClients(): Promise<void> {
  const clients = [...opened];
  opened.clear();
  await Promise.all(clients.map(async (client) => client.close()));
}

/** The answer of a `send()`. */
export const sent = (client: ClientProxy, pattern: string, data: object): Promise<unknown> =>
  firstValueFrom(client.send<unknown>(pattern, data).pipe(timeout(30_000)));

/** What a `send()` fails with. */
export const refusedWith = (client: ClientProxy, pattern: string, data: object): Promise<unknown> =>
  sent(client, pattern, data).then(
    (answer) => ({ answered: answer }),
    (error: unknown) => error,
  );
