import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import {
  createClient,
  startGateway,
  type ClientTransport,
  type ClientVersion,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { arrivedAt } from '../../support/arrivals.js';
import { clientsOf } from '../../support/client-matrix.js';

const VERSIONS = [2, 3, 4] as const;
const CLIENTS = clientsOf(VERSIONS);

/** Comes back by itself, as stock clients do, only faster. */
const EAGER = { reconnection: true, reconnectionDelay: 5, reconnectionDelayMax: 10, randomizationFactor: 0 };

/** What 2.x says twice; since 3.x only the first of the two is left. */
const attemptEvents = (version: ClientVersion): string[] =>
  version === 2 ? ['reconnect_attempt', 'reconnecting'] : ['reconnect_attempt'];

const countOf = (client: TestClient, event: string): number => arrivedAt(client, event).length;

/** The names of all events a client has seen, each where it came first. */
const firstSightings = (client: TestClient): string[] => [
  ...new Set(client.queue.log.map(({ event }) => event)),
];

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

describe.each(CLIENTS)('the lifecycle of a v$version client by $transport', ({ version, transport }) => {
  const opened: { close(): void }[] = [];

  const open = (url: string, client: Record<string, unknown>): TestClient => {
    const made = createClient(url, { version, transport, auth: { user: 'ada' }, client });
    opened.push(made);
    return made;
  };

  afterEach(() => {
    for (const each of opened.splice(0)) each.close();
  });

  it('[L1] a gateway that goes away and comes back: the client does too, as a new socket in no room', async () => {
    const before = await startGateway();
    const client = open(before.url, EAGER);
    await client.next('connect');
    const firstId = client.id;
    await client.request('room:join', { room: 'lobby' });

    await before.app.close();
    await client.next('reconnect_error');
    const after = await startGateway({ port: before.port });
    try {
      await client.next('reconnect');
      await client.next('connect');
      expect(client.id).not.toBe(firstId);
      expect(await client.request('socket:info')).toMatchObject({
        user: 'ada',
        socketId: client.id,
        rooms: [],
      });
      expect((await after.registry.getUser('ada')).sockets).toEqual([
        expect.objectContaining({ socketId: client.id }),
      ]);
      expect(firstSightings(client)).toEqual([
        'connect',
        'server:disconnect',
        'disconnect',
        ...attemptEvents(version),
        'connect_error',
        'reconnect_error',
        'reconnect',
      ]);
      expect(countOf(client, 'connect')).toBe(2);
      expect(countOf(client, 'reconnect')).toBe(1);
    } finally {
      client.close();
      await after.close();
    }
  });

  it('[L1] a gateway that stays away: the client gives up after its attempts', async () => {
    const gateway = await startGateway();
    const client = open(gateway.url, { ...EAGER, reconnectionAttempts: 2 });
    await client.next('connect');
    await gateway.app.close();
    await client.next('reconnect_failed');

    for (const event of attemptEvents(version)) {
      expect([event, arrivedAt(client, event)]).toEqual([event, [[1], [2]]]);
    }
    expect(countOf(client, 'connect_error')).toBe(2);
    expect(countOf(client, 'reconnect_error')).toBe(2);
    expect(countOf(client, 'disconnect')).toBe(1);
    expect(countOf(client, 'reconnect_failed')).toBe(1);
    expect(client.socket.connected).toBe(false);
  });

  it('[L1] a peer that accepts and never answers: the client times out', async () => {
    const silent = await listenSilently();
    opened.push(silent);
    const client = open(silent.url, { timeout: 20 });
    const [error] = await client.next('connect_error');
    expect(messageOf(error)).toBe('timeout');
    // Since 3.x the time-out has no event of its own.
    if (version === 2) expect(await client.next('connect_timeout')).toEqual([20]);
    expect(countOf(client, 'connect')).toBe(0);
  });

  it('[L1] a client that closes and opens again: a new socket without any reconnect event', async () => {
    const gateway = await startGateway();
    try {
      const client = open(gateway.url, EAGER);
      await client.next('connect');
      const firstId = client.id;
      const closed = once(client.socket.io, 'close');
      client.close();
      expect((await client.next('disconnect'))[0]).toBe('io client disconnect');
      await closed;
      client.socket.open();
      await client.next('connect');
      expect(client.id).not.toBe(firstId);
      await client.settled();
      expect(firstSightings(client)).toEqual(['connect', 'disconnect']);
    } finally {
      await gateway.close();
    }
  });
});

describe('a broken transport', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it.each(CLIENTS)('[L1] the v$version client by $transport comes back as a new socket', async (how) => {
    const { client, firstId } = await connectTwice(gateway, how);
    expect(client.id).not.toBe(firstId);
    expect(arrivedAt(client, 'reconnect')).toEqual([[1]]);
    for (const event of attemptEvents(how.version)) expect(arrivedAt(client, event)).toEqual([[1]]);
    expect(countOf(client, 'reconnect_error')).toBe(0);
  });
});

describe('the heartbeat', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ pingIntervalMs: 100, pingTimeoutMs: 10_000 });
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it.each(CLIENTS)('[L1] is seen by the v$version client by $transport', async ({ version, transport }) => {
    const client = gateway.open({ version, transport });
    const beats = heartbeats(client);
    await client.next('connect');
    await beats;
    await client.settled();
    expect(countOf(client, 'disconnect')).toBe(0);
  });
});

describe.each([3, 4] as const)('the manager of a v%s client', (version) => {
  it('[L1] says open, error and close', async () => {
    const gateway = await startGateway();
    const client = gateway.open({ version, client: EAGER });
    const said = Promise.all(['open', 'close', 'error'].map((event) => once(client.socket.io, event)));
    await client.next('connect');
    await gateway.app.close();
    const [, [reason], [error]] = (await said) as [unknown, unknown[], unknown[]];
    expect(reason).toBe('transport close');
    expect(error).toBeInstanceOf(Error);
    await gateway.close();
  });
});

async function connectTwice(
  gateway: TestGateway,
  how: { version: ClientVersion; transport: ClientTransport },
): Promise<{ client: TestClient; firstId: string | undefined }> {
  const client = await gateway.connect({ ...how, client: EAGER });
  const firstId = client.id;
  client.breakTransport();
  await client.next('disconnect');
  await client.next('reconnect');
  await client.next('connect');
  return { client, firstId };
}

/** Where a client tells of it: 2.x pings itself; since 3.x the gateway does, and only 4.x passes that on. */
function heartbeats({ version, socket }: TestClient): Promise<unknown> {
  if (version === 2) return Promise.all([once(socket, 'ping'), once(socket, 'pong')]);
  return version === 3 ? once(socket.io.engine as unknown as Emitter, 'pong') : once(socket.io, 'ping');
}

interface Emitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
}

const once = (emitter: Emitter, event: string): Promise<unknown[]> =>
  new Promise((resolve) => emitter.on(event, (...args) => resolve(args)));

/** A TCP server that takes connections and says nothing. */
async function listenSilently(): Promise<{ url: string; close(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
