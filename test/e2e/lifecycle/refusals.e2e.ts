import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WebSocketGateway, type OnGatewayInit } from '@nestjs/websockets';
import type { Server, Socket } from 'socket.io';
import { identityOf, SwitchboardModule, setupSwitchboard, type GatewaySocket } from 'switchboard-gateway';
import { startApp, startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt } from '../../support/arrivals.js';
import { clientsOf, EAGER, type How } from '../../support/client-matrix.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { RawPolling, RawWebSocket } from '../../support/raw-clients.js';

const CLIENTS = clientsOf([2, 3, 4]);

/** A name that no user may have; an open gateway refuses it. */
const BAD_AUTH = { user: 'x\u0000y' };

/** What the client was told: 2.x gets the object itself in `error`, later versions as `data` of `connect_error`. */
async function refusalOf(client: TestClient): Promise<unknown> {
  if (client.version === 2) return (await client.next('error'))[0];
  const [error] = (await client.next('connect_error')) as [Error & { data?: unknown }];
  expect(error).toBeInstanceOf(Error);
  expect(error.message).toBe((error.data as { message: string }).message);
  return error.data;
}

/** Both are the client's own account of one refusal; a second one means that it tried again. */
const refusalsOf = (client: TestClient): number =>
  arrivedAt(client, client.version === 2 ? 'error' : 'connect_error').length;

/**
 * Resolves after a client that may come back has done so: one that was sent away before it, and waits no longer
 * between attempts, would have come back by then too.
 */
async function letOthersComeBack(
  gateway: TestGateway,
  how: How,
  auth: Record<string, unknown>,
): Promise<void> {
  const other = await gateway.connect({ ...how, auth, client: EAGER });
  other.breakTransport();
  await other.next('reconnect');
  await other.next('connect');
  other.close();
}

describe('a refused client of an open gateway', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it.each(CLIENTS)(
    '[L2] is told the reason, v$version by $transport, never sees connect and does not come back',
    async (how) => {
      const client = gateway.open({ ...how, auth: BAD_AUTH, client: EAGER });
      expect(await refusalOf(client)).toEqual({
        code: 'payload.invalid',
        message: expect.any(String),
        retryable: false,
        errors: [{ path: 'auth.user', message: expect.any(String) }],
      });
      await letOthersComeBack(gateway, how, { user: 'ada' });

      expect(refusalsOf(client)).toBe(1);
      expect(arrivedAt(client, 'connect')).toEqual([]);
      expect(arrivedAt(client, 'reconnect_attempt')).toEqual([]);
      expect(client.socket.connected).toBe(false);
      expect((await gateway.registry.getUsers()).items.map(({ user }) => user)).not.toContain(BAD_AUTH.user);
    },
  );

  it.each(CLIENTS)(
    '[L2] gets in with better credentials afterwards, v$version by $transport',
    async (how) => {
      const refused = gateway.open({ ...how, auth: { user: 'x'.repeat(129) } });
      expect(await refusalOf(refused)).toMatchObject({ code: 'payload.invalid' });
      const client = await gateway.connect({ ...how, auth: { user: 'x'.repeat(128) } });
      expect(await gateway.registry.getSocket(client.id!)).toMatchObject({ user: 'x'.repeat(128) });
      client.close();
    },
  );

  it('[L2] is cut off when it keeps a WebSocket open by itself', async () => {
    const raw = await RawWebSocket.open(gateway.url);
    raw.send(`40${JSON.stringify(BAD_AUTH)}`);
    const refusal = JSON.parse((await raw.next('44')).slice(2)) as unknown;
    expect(refusal).toMatchObject({ data: { code: 'payload.invalid', retryable: false } });
    await raw.closed;
    expect(raw.frames.filter((frame) => String(frame).startsWith('40'))).toEqual([]);
  });

  it('[L2] is cut off when it keeps a 2.x WebSocket open by itself', async () => {
    const raw = await RawWebSocket.open(gateway.url, { protocol: 3, query: BAD_AUTH });
    expect(JSON.parse((await raw.next('44')).slice(2))).toMatchObject({ code: 'payload.invalid' });
    await raw.closed;
    expect(raw.frames.filter((frame) => String(frame).startsWith('40'))).toEqual([]);
  });

  it('[L2] is cut off when it keeps polling', async () => {
    const raw = await RawPolling.open(gateway.url);
    await raw.post(`40${JSON.stringify(BAD_AUTH)}`);
    const said = await raw.pollUntilGone();
    expect(said).toContain('44{');
    expect(said).toContain('"code":"payload.invalid"');
    expect(said).not.toContain('40{"sid"');
    expect((await raw.post('42["room:join",{"room":"lobby"}]')).status).toBe(400);
  });

  it('[L2] is cut off when it keeps polling as a 2.x client', async () => {
    const raw = await RawPolling.open(gateway.url, { protocol: 3, query: BAD_AUTH });
    const said = await raw.pollUntilGone();
    expect(said).toContain('44{"code":"payload.invalid"');
    expect((await raw.post('14:42["socket:info"]')).status).toBe(400);
  });

  it('[L2] cannot use the connection while it is being refused', async () => {
    const raw = await RawWebSocket.open(gateway.url);
    raw.send(`40${JSON.stringify(BAD_AUTH)}`);
    raw.send('420["socket:info"]');
    await raw.closed;
    expect(raw.frames.filter((frame) => String(frame).startsWith('43'))).toEqual([]);
  });
});

describe('a client without a token at a secured gateway', () => {
  const logger = new CollectingLogger();
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ jwtSecret: 'x'.repeat(32), logger });
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it.each(CLIENTS)(
    '[L2] is refused with auth.token_missing, v$version by $transport, and leaves no trace',
    async (how) => {
      const client = gateway.open({ ...how, auth: { user: 'ada' }, client: EAGER });
      expect(await refusalOf(client)).toEqual({
        code: 'auth.token_missing',
        message: 'a token is required',
        retryable: false,
      });
      expect(arrivedAt(client, 'connect')).toEqual([]);
      expect(client.socket.connected).toBe(false);
      expect(await gateway.registry.getStats()).toMatchObject({ sockets: 0, users: 0, rooms: 0 });
    },
  );

  it('[L2] is cut off when it keeps the connection open by itself', async () => {
    const modern = await RawWebSocket.open(gateway.url);
    modern.send('40');
    expect(await modern.next('44')).toContain('"code":"auth.token_missing"');
    const legacy = await RawWebSocket.open(gateway.url, { protocol: 3 });
    expect(await legacy.next('44')).toContain('"code":"auth.token_missing"');
    await Promise.all([modern.closed, legacy.closed]);
  });

  it('[L6] is not logged as a user', () => {
    expect(logger.find('a user connected')).toEqual([]);
    expect(logger.find('a user disconnected')).toEqual([]);
    expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

/** An app whose own check in the handshake goes wrong in the way the client asks for. */
@WebSocketGateway()
class Bouncer implements OnGatewayInit {
  /** Users whose next check fails. */
  readonly unlucky = new Set<string>();

  afterInit(server: Server): void {
    server.use((socket: Socket, next) => {
      switch (readWish(socket)) {
        case 'throw once':
          if (this.unlucky.delete(nameOf(socket))) throw new Error('secret of the app');
          return next();
        case 'throw':
          throw new Error('secret of the app');
        case 'reject':
          return Promise.reject(new Error('secret of the app')) as unknown as void;
        case 'refuse':
          return next(Object.assign(new Error('members only'), { data: { hint: 'join first' } }));
        default:
          return next();
      }
    });
  }
}

const nameOf = (socket: Socket): string => identityOf(socket as GatewaySocket).user;

const readWish = ({ handshake }: Socket): unknown => handshake.auth['wish'] ?? handshake.query['wish'];

@Module({
  imports: [SwitchboardModule.forRoot({ drainWindowMs: 100, clientsNameThemselves: true })],
  providers: [Bouncer],
})
class BouncerApp {}

describe('a check of an embedding app that', () => {
  const logger = new CollectingLogger();
  let gateway: TestGateway;

  beforeAll(async () => {
    const app = await NestFactory.create(BouncerApp, { logger, abortOnError: false });
    setupSwitchboard(app);
    gateway = await startApp(app);
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it.each(['throw', 'reject'].flatMap((wish) => CLIENTS.map((how) => ({ wish, ...how }))))(
    '[L2] [L4] does $wish refuses the v$version client by $transport with internal and tells it nothing else',
    async ({ wish, ...how }) => {
      const failuresBefore = logger.lines.filter(({ level }) => level === 'error').length;
      const client = gateway.open({ ...how, auth: { user: 'ada', wish } });
      expect(await refusalOf(client)).toEqual({
        code: 'internal',
        message: 'something went wrong on the server',
        retryable: true,
      });
      expect(arrivedAt(client, 'connect')).toEqual([]);
      expect(await gateway.registry.getUser('ada')).toMatchObject({ online: false });
      const failures = logger.lines.filter(({ level }) => level === 'error').slice(failuresBefore);
      expect(failures).toHaveLength(1);
      expect(failures[0]!.message).toContain('secret of the app');
    },
  );

  it.each(CLIENTS)(
    '[L2] refuses on purpose says so in its own words, v$version by $transport',
    async (how) => {
      const client = gateway.open({ ...how, auth: { user: 'ada', wish: 'refuse' }, client: EAGER });
      expect(await refusalOf(client)).toEqual({
        code: 'access.denied',
        message: 'members only',
        retryable: false,
        hint: 'join first',
      });
      await letOthersComeBack(gateway, how, { user: 'bob' });
      expect(refusalsOf(client)).toBe(1);
      expect(arrivedAt(client, 'reconnect_attempt')).toEqual([]);
    },
  );

  it.each(CLIENTS.filter(({ version }) => version < 4))(
    '[L2] throws once lets the v$version client by $transport come back by itself',
    async (how) => {
      const user = `unlucky-${how.version}-${how.transport}`;
      gateway.app.get(Bouncer).unlucky.add(user);
      const client = gateway.open({ ...how, auth: { user, wish: 'throw once' }, client: EAGER });
      expect(await refusalOf(client)).toMatchObject({ code: 'internal', retryable: true });
      await client.next('connect');
      expect(await gateway.registry.getSocket(client.id!)).toMatchObject({ user });
    },
  );

  it('[L2] throws leaves nobody half connected', async () => {
    const raw = await RawWebSocket.open(gateway.url);
    raw.send('40{"wish":"throw"}');
    expect(await raw.next('44')).toContain('"code":"internal"');
    await raw.closed;
  });
});
