/** The ways by which services of Nest send messages to a gateway, and a service that uses them; none of it is counted as the gateway's. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { freePort } from '../../scripts/free-port.js';
import { API_KEY } from './credentials.js';

/** @typedef {{ readonly tcp: number, readonly nats: number | undefined }} MessageWays ports of 127.0.0.1 */

const TRIES = 100;
const TRY_EVERY_MS = 50;

/** @type {import('node:child_process').ChildProcess | undefined} */
let broker;
process.once('exit', () => broker?.kill());

/** A port for TCP, and a NATS server where one is installed. @returns {Promise<MessageWays>} */
export async function openMessageWays() {
  return { tcp: await freePort(), nats: await startNats() };
}

async function startNats() {
  const port = await freePort();
  broker = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  let isMissing = false;
  broker.once('error', () => (isMissing = true));
  for (let tries = 0; tries < TRIES && !isMissing; tries++) {
    if (await answers(port)) return port;
    await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS));
  }
  return undefined;
}

/** @param {number} port */
function answers(port) {
  return new Promise((/** @type {(isThere: boolean) => void} */ resolve) => {
    const socket = connect(port, '127.0.0.1', () => end(true));
    socket.once('error', () => end(false));
    const end = (/** @type {boolean} */ is) => {
      socket.destroy();
      resolve(is);
    };
  });
}

/** What a gateway listens on. @param {MessageWays | undefined} ways */
export const messageKeys = (ways) =>
  ways && {
    SWITCHBOARD_MICROSERVICE: [`tcp://127.0.0.1:${ways.tcp}`, ways.nats && `nats://127.0.0.1:${ways.nats}`]
      .filter(Boolean)
      .join(','),
  };

/** @type {Map<string, any>} */
const clients = new Map();

/**
 * A service that sends by `ClientProxy.send()` of Nest, with its key in the payload.
 * @param {'tcp' | 'nats'} way
 * @param {number} port
 */
export async function serviceOver(way, port) {
  let client = clients.get(way);
  if (!client) {
    const { ClientProxyFactory, Transport } = await import('@nestjs/microservices');
    client = ClientProxyFactory.create(
      way === 'tcp'
        ? { transport: Transport.TCP, options: { host: '127.0.0.1', port } }
        : { transport: Transport.NATS, options: { servers: [`127.0.0.1:${port}`] } },
    );
    clients.set(way, client);
    await client.connect();
  }
  const { firstValueFrom } = await import('rxjs');
  return (/** @type {object} */ body) =>
    firstValueFrom(client.send('switchboard.emit', { ...body, apiKey: API_KEY }));
}
