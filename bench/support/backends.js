/** Backends that answer an event of a client, or take a webhook, at once; in the load generator's process, so that they cost no peer. */
import { createServer } from 'node:http';

export const FORWARDED = 'forwarded';

/** Rooms whose publications are told by webhooks begin with this. */
export const TOLD = 'told-';
/** Nobody listens here. */
const CLOSED_PORT = 9;

/** Events of webhooks that have arrived, but for the one that tells of the start. */
let told = 0;
/** @type {(() => void) | undefined} */
let onTold;

/**
 * Keys of a gateway that tells of users, and of publications to some rooms.
 * @param {string} kind `single`, `batch`, or `unsent` where nobody takes them
 * @param {number | undefined} backend
 */
export const webhooksTo = (kind, backend) => ({
  SWITCHBOARD_WEBHOOKS: `bench=http://127.0.0.1:${kind === 'unsent' ? CLOSED_PORT : (backend ?? CLOSED_PORT)}/`,
  SWITCHBOARD_WEBHOOK_SECRETS: `bench:whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  SWITCHBOARD_WEBHOOK_EVENTS: `bench=user.*+publication:${TOLD}*`,
  ...(kind === 'batch' && { SWITCHBOARD_WEBHOOK_BATCH: 'bench' }),
});

/** Resolves when so many events have arrived since the last time. @param {number} count */
export async function eventsTold(count) {
  while (told < count) await new Promise((resolve) => (onTold = () => resolve(undefined)));
  told -= count;
}

/** @param {string} text */
function countTold(text) {
  const { type, data } = JSON.parse(text);
  const events = type === 'batch' ? data.events : [{ type }];
  told += events.filter((/** @type {{ type: string }} */ each) => each.type !== 'gateway.started').length;
  onTold?.();
}

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
    /** @type {Buffer[]} */
    const parts = [];
    if (request.headers['webhook-id']) request.on('data', (part) => parts.push(part));
    request.resume().once('end', () => {
      if (parts.length > 0) countTold(Buffer.concat(parts).toString());
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
