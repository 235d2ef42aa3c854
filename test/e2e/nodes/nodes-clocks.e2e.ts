/** Nodes whose wall clocks were wrong when they began: what one has kept with a session another one reads. [A11] [H6] */
import { io, type Socket } from 'socket.io-client';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { ServiceProcess } from '../../support/service-process.js';
import { everythingIn, inSeconds, SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const ONE_HOUR_MS = 3_600_000;
const ROOM = 'secret';

interface SocketInfo {
  readonly rooms: readonly string[];
}

/** What the stock client knows of its session. */
interface Session {
  readonly _pid?: string;
  readonly _lastOffset?: string;
}

const connected = (socket: Socket): Promise<unknown> =>
  new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(undefined));
    socket.once('connect_error', reject);
  });

const ask = (socket: Socket, event: string, ...args: unknown[]): Promise<unknown> =>
  socket.timeout(20_000).emitWithAck(event, ...args);

const roomsOf = async (socket: Socket): Promise<readonly string[]> =>
  ((await ask(socket, 'socket:info')) as SocketInfo).rooms;

describeWithRedis('a node that began with a wall clock that was wrong', () => {
  let redis: TestRedis;
  const services: ServiceProcess[] = [];
  const sockets: Socket[] = [];

  beforeEach(async () => {
    redis = await TestRedis.start();
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.close();
    for (const service of services.splice(0)) service.signal('SIGKILL');
    await redis.kill();
  });

  /** The clock is right again by the time that anybody connects; only the start was told another time. */
  async function start(startedAheadMs: number): Promise<string> {
    const origin = `performance.timeOrigin + ${startedAheadMs}`;
    const code = `Object.defineProperty(performance, 'timeOrigin', { value: ${origin} })`;
    const { service, url } = await ServiceProcess.start({
      SWITCHBOARD_REDIS_URL: redis.url,
      SWITCHBOARD_JWT_SECRET: SECRET,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}`,
    });
    services.push(service);
    return url;
  }

  const open = async (url: string, auth: object): Promise<Socket> => {
    const socket = io(url, { transports: ['websocket'], reconnection: false, forceNew: true, auth });
    sockets.push(socket);
    await connected(socket);
    return socket;
  };

  /** Connects to one node, joins by a room token, breaks off and comes back to the other. */
  async function moveOn(from: string, to: string, roomTokenSeconds: number): Promise<[Socket, Socket]> {
    const token = await sign({ sub: 'ada', exp: inSeconds(600), caps: [everythingIn('lobby')] });
    const client = await open(from, { token, recovery: true });
    const claims = { sub: 'ada', room: ROOM, allow: ['join'] };
    const roomToken = await sign({ ...claims, exp: inSeconds(roomTokenSeconds) });
    expect(await ask(client, 'room:join', { room: ROOM, token: roomToken })).toMatchObject({ ok: true });
    expect(await ask(client, 'room:join', { room: 'lobby' })).toMatchObject({ ok: true });
    const { _pid: pid, _lastOffset: offset } = client as unknown as Session;
    const { id } = client;
    client.io.engine.close();
    const next = await open(to, { token, recovery: true, pid, offset });
    return [{ id } as Socket, next];
  }

  it.each([-ONE_HOUR_MS, ONE_HOUR_MS])(
    '[A11] [H6] gives its sessions to others and takes theirs, with what their tokens grant, off by %d ms',
    async (offMs) => {
      const [wrong, right] = await Promise.all([start(offMs), start(0)]);
      for (const [from, to] of [
        [wrong, right],
        [right, wrong],
      ] as const) {
        const [before, after] = await moveOn(from, to, 600);
        expect(after.id).toBe(before.id);
        expect((await roomsOf(after)).toSorted()).toEqual(['lobby', ROOM]);
        after.close();
      }
    },
  );

  it.each([-ONE_HOUR_MS, ONE_HOUR_MS])(
    '[A11] has the room tokens of its sessions end in time elsewhere, off by %d ms',
    async (offMs) => {
      const [wrong, right] = await Promise.all([start(offMs), start(0)]);
      for (const [from, to] of [
        [wrong, right],
        [right, wrong],
      ] as const) {
        const [before, after] = await moveOn(from, to, 4);
        expect(after.id).toBe(before.id);
        await until('the room token has ended', async () => !(await roomsOf(after)).includes(ROOM));
        expect(await roomsOf(after)).toEqual(['lobby']);
        after.close();
      }
    },
  );
});
