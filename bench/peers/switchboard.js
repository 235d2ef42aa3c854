/** This gateway as `npm run build` left it in `dist/`, with its default log at level `info`. */
import 'reflect-metadata';
import { API_KEY, API_KEY_ENTRY, JWT_SECRET } from '../support/credentials.js';
import { FORWARDED, webhooksTo } from '../support/backends.js';
import { messageKeys } from '../support/message-ways.js';
import { servePeer } from '../support/control.js';
import { BODY, EVENT } from '../support/message.js';

const MAX_BATCH = 1000;
const FILL_AT_ONCE = 200;
const webhooks = process.env.BENCH_WEBHOOKS;

/** A socket that the registry is told of, and that is not here. @param {number} index */
const absentSocket = (index) => ({
  socketId: `s${String(index).padStart(19, '0')}`,
  user: `u${index >> 1}`,
  node: 'bench',
  namespace: '/',
  transport: /** @type {const} */ ('websocket'),
  protocol: /** @type {const} */ (4),
  address: '10.0.0.1',
  userAgent: 'benchmark',
  connectedAt: new Date(1_900_000_000_000 + index).toISOString(),
  rooms: [],
  info: null,
});

servePeer(async ({ secured, history, backend, messages, redisUrl }) => {
  Object.assign(process.env, {
    // The rate is still counted for each event; only the benchmark's own clients are not to be refused.
    SWITCHBOARD_EVENTS_PER_SECOND: '100000',
    SWITCHBOARD_EVENTS_BURST: '100000',
    ...(history && { SWITCHBOARD_HISTORY: history, SWITCHBOARD_MAX_SOCKETS_PER_USER: '0' }),
    ...(backend && {
      SWITCHBOARD_HANDLERS: `${FORWARDED}=http://127.0.0.1:${backend}/events`,
      SWITCHBOARD_HANDLER_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
    }),
    ...messageKeys(messages),
    ...(webhooks && webhooksTo(webhooks, backend)),
    ...(redisUrl && { SWITCHBOARD_REDIS_URL: redisUrl }),
    ...(secured && { SWITCHBOARD_JWT_SECRET: JWT_SECRET, SWITCHBOARD_API_KEYS: API_KEY_ENTRY }),
  });
  // Imported only now: the configuration is read when the module is.
  const { Broadcaster, SocketRegistry } = await import('../../dist/index.js');
  const { createLogger } = await import('../../dist/telemetry/log.js');
  const { createService } = await import('../../dist/service.js');

  // What `npm start` runs, hardening and log included; only the port is a free one.
  const app = await createService({}, createLogger('info', 'pretty'));
  await app.listen(0, '127.0.0.1');
  const broadcaster = app.get(Broadcaster, { strict: false });
  const registry = app.get(SocketRegistry, { strict: false });
  const { port } = /** @type {import('node:net').AddressInfo} */ (app.getHttpServer().address());
  /** @type {Record<string, string>} */
  const headers = secured ? { authorization: `Bearer ${API_KEY}` } : {};

  return {
    port,
    infoEvent: 'socket:info',
    tells: webhooks === 'single' || webhooks === 'batch',
    publish(room) {
      const target = room ? broadcaster.toRooms(room) : broadcaster.toAll();
      // A refusal is logged by the builder; the clients that then miss an event make the sample fail.
      void target.emit(EVENT, BODY);
    },
    async join(pairs) {
      const commands = pairs.map(([socketId, room]) => ({ join: { room, socketId } }));
      for (let start = 0; start < commands.length; start += MAX_BATCH) {
        const response = await fetch(`http://127.0.0.1:${port}/v1/batch`, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify({ commands: commands.slice(start, start + MAX_BATCH) }),
        });
        if (!response.ok)
          throw new Error(`POST /v1/batch answered ${response.status} ${await response.text()}`);
        const { results } = /** @type {any} */ (await response.json());
        const failed = results.find((/** @type {any} */ { ok }) => !ok);
        if (failed) throw new Error(`a join failed: ${JSON.stringify(failed)}`);
      }
    },
    emitRequest: (socketId) => ({
      method: 'POST',
      path: '/v1/emit',
      headers,
      body: { to: { sockets: [socketId] }, event: EVENT, data: BODY },
    }),
    userRequest: (user) => ({ method: 'GET', path: `/v1/users/${encodeURIComponent(user)}`, headers }),
    roomRequest: (room) => ({
      method: 'GET',
      path: `/v1/sockets?room=${encodeURIComponent(room)}&limit=1000`,
      headers,
    }),
    async walk(limit) {
      let found = 0;
      /** @type {string | undefined} */
      let cursor;
      do {
        const page = await registry.getSockets({ limit, ...(cursor !== undefined && { cursor }) });
        found += page.items.length;
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      return found;
    },
    async fill(count) {
      const { Engine } = await import('../../dist/engine/engine.js');
      const { holdings } = app.get(Engine, { strict: false });
      // One request to Redis in a turn: what waits for a second there counts as hung.
      for (let from = 0; from < count; from += FILL_AT_ONCE) {
        const turn = Array.from({ length: Math.min(FILL_AT_ONCE, count - from) }, (_, index) => {
          const entry = absentSocket(from + index);
          return holdings?.enter(entry.socketId, () => entry, count);
        });
        await Promise.all(turn);
      }
    },
    drain: () => app.close(),
    lookUpUser: async (user) => (await registry.getUser(user)).sockets.length,
    lookUpRoom: async (room) => (await registry.getSockets({ room })).items.length,
  };
});
