/** The child's side of the control protocol: commands come by IPC, each is answered once. */
import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { LoopBlocks } from './loop-blocks.js';

/**
 * @typedef {Record<string, (args: any) => unknown>} Commands
 *
 * @typedef {object} HttpRequest
 * @property {'GET' | 'POST'} method
 * @property {string} path
 * @property {Record<string, string>} [headers]
 * @property {unknown} [body] sent as JSON
 *
 * @typedef {object} Peer what a server under test can do; what it leaves out it takes no part in
 * @property {number} port
 * @property {'ws'} [protocol] what its clients speak, if not Socket.IO
 * @property {boolean} [tells] it sends webhooks to the backend
 * @property {string} [infoEvent] the request that is answered with what the server knows about the socket
 * @property {(room?: string) => void} publish sends {@link EVENT} with {@link BODY} to all sockets or to a room
 * @property {(pairs: [socketId: string, room: string][]) => Promise<void> | void} [join]
 * @property {(socketId: string) => HttpRequest} [emitRequest] what a backend asks to reach one socket
 * @property {(user: string) => HttpRequest} [userRequest] what a backend asks for a user's sockets
 * @property {(room: string) => HttpRequest} [roomRequest] what a backend asks for a room's sockets
 * @property {(user: string) => Promise<number>} [lookUpUser] a user's sockets on all nodes, asked in the process; how many
 * @property {(room: string) => Promise<number>} [lookUpRoom] a room's
 * @property {(size: number) => Promise<number>} [walk] all sockets of all nodes, page by page; how many
 * @property {(count: number) => Promise<void>} [fill] makes so many sockets known that there are not
 * @property {() => Promise<void>} [drain] sends everyone away and ends
 */

/**
 * Answers commands until the runner is gone.
 * @param {Commands} commands
 */
export function serve(commands) {
  process.on('message', async (/** @type {any} */ { id, do: name, ...args }) => {
    try {
      reply({ id, result: await commands[name](args) });
    } catch (error) {
      reply({ id, error: error instanceof Error ? String(error.stack) : String(error) });
    }
  });
  process.once('disconnect', () => process.exit(1));
}

/**
 * Serves a peer.
 * @param {(options: { secured: boolean, history?: string, backend?: number, redisUrl?: string }) => Promise<Peer>} start
 *   `secured`: clients come with a token; `history`: `SWITCHBOARD_HISTORY`; `backend`: the port of one that answers events; `redisUrl`: one of many nodes
 */
export function servePeer(start) {
  /** @type {Peer} */
  let peer;
  const blocks = new LoopBlocks();
  serve({
    async ready(options) {
      peer = await start(options);
      return { port: peer.port, protocol: peer.protocol, infoEvent: peer.infoEvent };
    },
    tells: () => peer.tells === true,
    cpu: () => process.cpuUsage(),
    async memory() {
      const { rss } = process.memoryUsage();
      await collectGarbage();
      const collected = process.memoryUsage();
      return { rss, rssCollected: collected.rss, heapCollected: collected.heapUsed };
    },
    /** All publications leave in one turn of the event loop; the answer comes in a later one. */
    async broadcast({ perTurn, rooms }) {
      for (let index = 0; index < perTurn; index++) peer.publish(rooms?.[index % rooms.length]);
      await setImmediate();
    },
    /** One publication per interval. Gives when each was made, in µs of the machine's monotonic clock. */
    async pace({ room, count, intervalMs }) {
      const times = [];
      for (let index = 0; index < count; index++) {
        times.push(Number(process.hrtime.bigint() / 1000n));
        peer.publish(room);
        await delay(intervalMs);
      }
      return times;
    },
    /** Each look-up has to find `size` sockets. */
    async lookUp({ kind, targets, count, concurrency, size }) {
      const lookUp = kind === 'user' ? peer.lookUpUser : peer.lookUpRoom;
      let next = 0;
      const worker = async () => {
        while (next < count) {
          const found = await lookUp?.(targets[next++ % targets.length]);
          if (found !== size) throw new Error(`expected ${size} sockets, found ${found}`);
        }
      };
      await Promise.all(Array.from({ length: concurrency }, worker));
    },
    async walk({ size, count }) {
      const found = await peer.walk?.(size);
      if (count !== undefined && found !== count)
        throw new Error(`expected ${count} sockets, found ${found}`);
    },
    fill: ({ count }) => peer.fill?.(count),
    drain: () => peer.drain?.(),
    beginBlocks: () => blocks.begin(),
    endBlocks: () => blocks.end(),
    join: ({ pairs }) => peer.join?.(pairs),
    requests: ({ kind, targets }) =>
      targets.map((/** @type {string} */ target) => peer[requestOf(kind)]?.(target)),
  });
}

/** @param {{ id: number, result?: unknown, error?: string }} answer */
const reply = (answer) => process.send?.(answer);

/** @param {'emit' | 'user' | 'room'} kind */
const requestOf = (kind) => /** @type {const} */ (`${kind}Request`);

/** Several times: weak references and finalizers free more in the next round. */
async function collectGarbage() {
  if (!globalThis.gc) throw new Error('the peer needs --expose-gc');
  for (let round = 0; round < 5; round++) {
    globalThis.gc();
    await setImmediate();
  }
}
