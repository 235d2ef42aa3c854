/** The load generator: a process of its own, so that the clients' work is never counted as the server's. */
import { Agent, request } from 'node:http';
import { signToken } from './support/credentials.js';
import { eventsTold, startBackend } from './support/backends.js';
import { serve } from './support/control.js';
import { openMessageWays, serviceOver } from './support/message-ways.js';
import { WebSocketClient } from './support/websocket-client.js';

/** @type {WebSocketClient[]} */
const clients = [];
/** Events that arrived since the last `received`, over all clients. */
let events = 0;
let eventBytes = 0;
/** @type {number[] | undefined} */
let arrivals;
/** @type {Error | undefined} */
let lost;
/**
 * Whoever waits for events or answers; called on each.
 * @type {(() => void) | undefined}
 */
let check;

serve({
  /**
   * Opens more clients and keeps them; client `i` belongs to the user `u<i / 2>`, or among so many users to
   * `u<i % users>`. Gives all socket IDs.
   */
  async open({ port, protocol, count, secured, recovers, users }) {
    const first = clients.length;
    await inParallel(count, 50, async (nth) => {
      const index = first + nth;
      const name = users ? `u${index % users}` : userOf(index);
      const user = secured ? name : undefined;
      clients[index] = await openClient({
        port,
        protocol,
        user,
        recovers: recovers ? { user: name } : undefined,
      });
    });
    return clients.map(({ socketId }) => socketId);
  },

  /** Opens clients and closes each as soon as it is connected. With `prefix` each is a user of its own. */
  async connectAndClose({ port, protocol, count, concurrency, secured, prefix, startsByPolling }) {
    await inParallel(count, concurrency, async (index) => {
      const name = prefix ? `${prefix}${index}` : userOf(index);
      const client = await openClient({ port, protocol, user: secured ? name : undefined, startsByPolling });
      await client.close();
    });
  },

  /** Breaks all connections. */
  async breakAll() {
    await Promise.all(clients.map((client) => client.break()));
  },

  /** Brings all sessions back, some at a time. */
  async resumeAll({ port, protocol, concurrency, secured }) {
    await inParallel(clients.length, concurrency, async (index) => {
      const { recovers } = /** @type {WebSocketClient} */ (clients[index]).options;
      if (recovers === undefined) return;
      const user = secured ? recovers.user : undefined;
      clients[index] = await openClient({ port, protocol, user, recovers });
    });
  },

  /** From now on the server may end connections; waits until it has ended all. */
  async awaitEnds() {
    await Promise.all(clients.map((client) => client.awaitEnd()));
  },

  /** Goes on without the clients so far. */
  forget() {
    clients.length = 0;
  },

  /** Waits until exactly so many events have arrived. */
  async received({ count }) {
    await until(() => events >= count);
    const result = { events, eventBytes };
    events = eventBytes = 0;
    return result;
  },

  /** From now on the times of arrival are kept. */
  noteArrivals() {
    arrivals = [];
  },

  /** When what was received arrived, in µs of the machine's monotonic clock. */
  arrivals: () => arrivals,

  /** Each client sends a request as soon as its last one is answered. */
  async request({ event, body, count, clientCount = clients.length }) {
    let sent = 0;
    let answered = 0;
    const packet = packetOf(event, body);
    const sendNext = (/** @type {WebSocketClient} */ client) => {
      if (sent++ < count) client.send(packet);
    };
    const asking = clients.slice(0, clientCount);
    for (const client of asking) {
      client.options.onAnswer = () => {
        answered++;
        sendNext(client);
        check?.();
      };
    }
    for (const client of asking) sendNext(client);
    await until(() => answered >= count);
  },

  /** Starts a backend that answers events; gives its port. */
  backend: ({ kind }) => startBackend(kind),

  /** Waits for so many events of webhooks. */
  told: ({ count }) => eventsTold(count),

  /** One client, one request after another. Gives how long each took, in µs, the shortest first. */
  async roundTrips({ event, body, count }) {
    const [client] = clients;
    if (!client) throw new Error('no client is open');
    const packet = packetOf(event, body);
    const micros = [];
    for (let index = 0; index < count; index++) {
      const before = process.hrtime.bigint();
      await new Promise((resolve) => {
        client.options.onAnswer = () => resolve(undefined);
        client.send(packet);
      });
      micros.push(Number(process.hrtime.bigint() - before) / 1000);
    }
    return micros.sort((a, b) => a - b);
  },

  /** Starts what messages go over; gives the ports. */
  messageWays: () => openMessageWays(),

  /** Sends the bodies of requests as messages of a Nest service, some at a time. */
  async messages({ way, port, requests, count, concurrency }) {
    const send = await serviceOver(way, port);
    await inParallel(count, concurrency, (index) => send(requests[index % requests.length].body));
  },

  /** Sends HTTP requests in turn over kept-alive connections; any answer but 2xx fails. */
  async http({ port, requests, count, concurrency }) {
    const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
    try {
      await inParallel(count, concurrency, (index) =>
        sendHttp(agent, port, requests[index % requests.length]),
      );
    } finally {
      agent.destroy();
    }
  },
});

/** @param {string} event @param {unknown} [body] */
const packetOf = (event, body) => `420${JSON.stringify(body === undefined ? [event] : [event, body])}`;

/** @param {number} index */
const userOf = (index) => `u${index >> 1}`;

/**
 * @param {{ port: number, protocol: 'socket.io' | 'ws', user?: string, startsByPolling?: boolean,
 *   recovers?: import('./support/websocket-client.js').Session }} options
 */
async function openClient({ port, protocol, user, startsByPolling, recovers }) {
  const client = new WebSocketClient({
    port,
    protocol,
    token: user === undefined ? undefined : signToken(user),
    startsByPolling,
    recovers,
    onEvent(bytes) {
      events++;
      eventBytes += bytes;
      arrivals?.push(Number(process.hrtime.bigint() / 1000n));
      check?.();
    },
    onAnswer: () => {},
    onLost(error) {
      lost ??= error;
      check?.();
    },
  });
  await client.opened;
  return client;
}

/** @param {() => boolean} isDone */
async function until(isDone) {
  await new Promise((/** @type {(value?: unknown) => void} */ resolve, reject) => {
    check = () => {
      if (lost) reject(lost);
      else if (isDone()) resolve();
    };
    check();
  });
  check = undefined;
}

/**
 * @param {number} count
 * @param {number} concurrency
 * @param {(index: number) => Promise<unknown>} task
 */
async function inParallel(count, concurrency, task) {
  let next = 0;
  const worker = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker));
}

/**
 * @param {Agent} agent
 * @param {number} port
 * @param {import('./support/control.js').HttpRequest} options
 */
function sendHttp(agent, port, { method, path, headers, body }) {
  return new Promise((/** @type {(value?: unknown) => void} */ resolve, reject) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const outgoing = request(
      {
        agent,
        port,
        host: '127.0.0.1',
        method,
        path,
        headers: {
          ...headers,
          ...(payload && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(payload),
          }),
        },
      },
      (response) => {
        const { statusCode = 0 } = response;
        if (statusCode < 200 || statusCode > 299)
          reject(new Error(`${method} ${path} answered ${statusCode}`));
        response.on('error', reject).on('end', resolve).resume();
      },
    );
    outgoing.on('error', reject).end(payload);
  });
}
