import {
  startGateway,
  type ClientTransport,
  type ClientVersion,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { clientsOf } from '../../support/client-matrix.js';
import { CollectingLogger } from '../../support/collecting-logger.js';

const BYTES = Buffer.from([0, 1, 2, 127, 128, 254, 255]);

const CLIENTS = clientsOf([2, 3, 4], ['polling', 'websocket', 'upgrade']);

const bytesOf = (value: unknown): Buffer => Buffer.from(value as ArrayBuffer);

/** Resolves when the client has moved to WebSocket and the gateway has followed. */
async function upgraded(client: TestClient): Promise<void> {
  const { engine } = client.socket.io as unknown as {
    engine: { transport: { name: string }; once(event: 'upgrade', listener: () => void): void };
  };
  if (engine.transport.name !== 'websocket') {
    await new Promise<void>((resolve) => engine.once('upgrade', resolve));
  }
  await client.settled();
}

describe.each(CLIENTS)('a v$version client by $transport', ({ version, transport }) => {
  const logger = new CollectingLogger();
  const user = `ada-${version}-${transport}`;
  let gateway: TestGateway;
  let client: TestClient;

  const connect = async (as: string): Promise<TestClient> => {
    const connected = await gateway.connect({ version, transport, auth: { user: as, info: { team: 'x' } } });
    if (transport === 'upgrade') await upgraded(connected);
    return connected;
  };

  beforeAll(async () => {
    gateway = await startGateway({ logger });
    client = await connect(user);
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it('[L1] has the socket ID of its registry entry, and the entry tells who and how', async () => {
    const id = client.id!;
    expect(await gateway.registry.getSocket(id)).toEqual({
      socketId: id,
      user,
      node: expect.any(String),
      namespace: '/',
      transport: onTheWire(transport),
      protocol: engineProtocol(version),
      address: '127.0.0.1',
      userAgent: expect.any(String),
      connectedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      rooms: [],
      info: { team: 'x' },
    });
    const overHttp = await gateway.http('GET', `/v1/sockets/${encodeURIComponent(id)}`);
    expect(overHttp.body).toEqual(await gateway.registry.getSocket(id));
    expect(await client.request('socket:info')).toMatchObject({ ok: true, socketId: id, user, rooms: [] });
  });

  it('[L3] is in the registry from the moment it sees connect', async () => {
    const newcomer = gateway.open({ version, transport, auth: { user: 'eve' } });
    const found = new Promise((resolve, reject) => {
      newcomer.socket.on('connect', () => {
        gateway.registry.getSocket(newcomer.socket.id!).then(resolve, reject);
      });
    });
    expect(await found).toMatchObject({ user: 'eve' });
    newcomer.close();
  });

  it('[L1] receives what is sent to everyone, its room, its user and its socket', async () => {
    expect(await client.request('room:join', { room: 'lobby' })).toEqual({ ok: true, room: 'lobby' });
    const { broadcaster } = gateway;
    const sent = [
      broadcaster.toAll().emit('news', 'all', { n: 1 }),
      broadcaster.toRooms('lobby').emit('news', 'room', [2]),
      broadcaster.toUsers(user).emit('news', 'user', null),
      broadcaster.toSockets(client.id!).emit('news', 'socket', 'ä😀'),
    ];
    await Promise.all(sent);
    expect(await client.next('news')).toEqual(['all', { n: 1 }]);
    expect(await client.next('news')).toEqual(['room', [2]]);
    expect(await client.next('news')).toEqual(['user', null]);
    expect(await client.next('news')).toEqual(['socket', 'ä😀']);
    await broadcaster.toRooms('elsewhere').emit('news', 'not for it');
    await client.settled();
    expect(client.queue.pending('news')).toBe(0);
  });

  it('[L1] takes and sends binary', async () => {
    await gateway.broadcaster.toSockets(client.id!).emit('blob', { bytes: BYTES }, BYTES);
    const [nested, plain] = await client.next('blob');
    expect(bytesOf((nested as { bytes: unknown }).bytes)).toEqual(BYTES);
    expect(bytesOf(plain)).toEqual(BYTES);

    await client.request('room:join', { room: 'blobs' });
    const request = { room: 'blobs', event: 'echoed', args: [{ bytes: BYTES }, BYTES], echo: true };
    expect(await client.request('room:emit', request)).toEqual({ ok: true, id: expect.any(String) });
    const [echoedNested, echoedPlain] = await client.next('echoed');
    expect(bytesOf((echoedNested as { bytes: unknown }).bytes)).toEqual(BYTES);
    expect(bytesOf(echoedPlain)).toEqual(BYTES);
  });

  it('[D6] answers a publication that asks for it, with JSON and with binary', async () => {
    client.answer('sum', (a, b) => Number(a) + Number(b));
    client.answer('mirror', (bytes) => ({ bytes }));
    const target = gateway.broadcaster.toSockets(client.id!);

    const sum = await target.emitWithAck('sum', 2, 3, { timeoutMs: 10_000 });
    expect(sum).toMatchObject({ responses: [{ socketId: client.id, user, args: [5] }], missing: [] });
    const { responses } = await target.emitWithAck('mirror', BYTES, { timeoutMs: 10_000 });
    expect(bytesOf((responses[0]!.args[0] as { bytes: unknown }).bytes)).toEqual(BYTES);

    const overHttp = await gateway.http('POST', '/v1/emit', {
      to: { sockets: [client.id] },
      event: 'mirror',
      args: [{ $base64: BYTES.toString('base64') }],
      ack: { timeoutMs: 10_000 },
    });
    expect(overHttp).toMatchObject({
      status: 200,
      body: {
        responses: [{ socketId: client.id, user, args: [{ bytes: { $base64: BYTES.toString('base64') } }] }],
        missing: [],
      },
    });
  });

  it('[D6] that does not answer is named as missing', async () => {
    const { responses, missing } = await gateway.broadcaster
      .toSockets(client.id!)
      .emitWithAck('nobody listens', { timeoutMs: 1 });
    expect({ responses, missing }).toEqual({ responses: [], missing: [{ socketId: client.id, user }] });
  });

  it('[M1] has its requests answered, the good and the bad', async () => {
    expect(await client.request('room:join', { room: 'answers' })).toEqual({ ok: true, room: 'answers' });
    expect(await client.request('room:join', { room: 'not a name' })).toMatchObject({
      ok: false,
      error: { code: 'room.invalid', retryable: false },
    });
    client.emit('room:join');
    expect(await client.next('exception')).toEqual([expect.objectContaining({ code: 'payload.invalid' })]);
  });

  it('[L3] is gone from the registry once its disconnect was handled', async () => {
    const leaver = await connect(`leaver-${version}`);
    await leaver.request('room:join', { room: 'short-lived' });
    const id = leaver.id!;
    leaver.close();
    expect(await leaver.next('disconnect')).toEqual(['io client disconnect']);
    await logger.until('a user disconnected', { socketId: id });
    expect(await gateway.registry.getSocket(id)).toBeUndefined();
    expect(await gateway.registry.getUser(`leaver-${version}`)).toMatchObject({ online: false, sockets: [] });
    expect(await gateway.registry.getRoom('short-lived')).toEqual({
      room: 'short-lived',
      sockets: 0,
      users: 0,
    });
    expect(await gateway.http('GET', `/v1/sockets/${encodeURIComponent(id)}`)).toMatchObject({
      status: 404,
      body: { code: 'socket.not_found' },
    });
  });
});

const onTheWire = (transport: ClientTransport): string => (transport === 'polling' ? 'polling' : 'websocket');

const engineProtocol = (version: ClientVersion): number => (version === 2 ? 3 : 4);
