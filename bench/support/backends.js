/** Backends that answer an event of a client at once; in the load generator's process, so that they cost no peer. */
import { createServer } from 'node:http';

export const FORWARDED = 'forwarded';

const ANSWER = { placed: true };
const BODY = JSON.stringify({ ack: ANSWER });

/**
 * Starts a backend for a peer and gives its port: HTTP for Switchboard, Nest's own TCP transport for a stock Nest gateway.
 * @param {'http' | 'nest'} kind
 * @returns {Promise<number>}
 */
export async function startBackend(kind) {
  if (kind === 'nest') return startMicroservice();
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': BODY.length });
      response.end(BODY);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
}

async function startMicroservice() {
  await import('reflect-metadata');
  const { Controller, Module } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { MessagePattern, Transport } = await import('@nestjs/microservices');
  class Backend {
    answer() {
      return ANSWER;
    }
  }
  Controller()(Backend);
  const descriptor = /** @type {PropertyDescriptor} */ (
    Object.getOwnPropertyDescriptor(Backend.prototype, 'answer')
  );
  MessagePattern(FORWARDED)(Backend.prototype, 'answer', descriptor);
  class BackendModule {}
  Module({ controllers: [Backend] })(BackendModule);
  const app = await NestFactory.createMicroservice(BackendModule, {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: 0 },
    logger: false,
  });
  await app.listen();
  const { server } = /** @type {any} */ (app).serverInstance;
  return server.address().port;
}
