import { Injectable, Module, type BeforeApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SwitchboardApiModule, SwitchboardModule, setupSwitchboard } from 'switchboard-gateway';
import {
  createClient,
  startApp,
  startGateway,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { arrivedAt, eventsAt } from '../../support/arrivals.js';
import { clientsOf, EAGER } from '../../support/client-matrix.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { RawPolling, RawWebSocket } from '../../support/raw-clients.js';

const CLIENTS = clientsOf([2, 3, 4]);

const end = (gateway: TestGateway, client: TestClient, query = ''): Promise<{ status: number }> =>
  gateway.http('DELETE', `/v1/sockets/${encodeURIComponent(client.id!)}${query}`);

describe('a socket that a backend ends', () => {
  const logger = new CollectingLogger();
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ logger });
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it.each(CLIENTS)(
    '[L7] is told first and does not come back, v$version by $transport',
    async ({ version, transport }) => {
      const user = `kicked-${version}-${transport}`;
      const client = await gateway.connect({ version, transport, auth: { user }, client: EAGER });
      const id = client.id!;
      expect(await end(gateway, client)).toMatchObject({ status: 204 });
      expect(await gateway.registry.getSocket(id)).toBeUndefined();

      expect(await client.next('server:disconnect')).toEqual([
        { code: 'kicked', message: 'disconnected by a backend', retryable: false },
      ]);
      expect((await client.next('disconnect'))[0]).toBe('io server disconnect');
      expect(eventsAt(client)).toEqual(['connect', 'server:disconnect', 'disconnect']);

      // One that may come back, and was ended later, is back: this one would be, too.
      const other = await gateway.connect({ version, transport, client: EAGER });
      await end(gateway, other, '?reconnect=true');
      await other.next('reconnect');
      await other.next('connect');
      expect(arrivedAt(client, 'reconnect_attempt')).toEqual([]);
      expect(await gateway.registry.getUser(user)).toMatchObject({ online: false });
    },
  );

  it.each(CLIENTS)(
    '[L7] with reconnect=true comes back by itself as a new socket, v$version by $transport',
    async ({ version, transport }) => {
      const client = await gateway.connect({ version, transport, auth: { user: 'bob' }, client: EAGER });
      const id = client.id!;
      expect(await end(gateway, client, '?reconnect=true')).toMatchObject({ status: 204 });
      expect(await gateway.registry.getSocket(id)).toBeUndefined();

      expect(await client.next('server:disconnect')).toEqual([
        { code: 'kicked', message: 'disconnected by a backend', retryable: true },
      ]);
      expect((await client.next('disconnect'))[0]).toBe('transport close');
      await client.next('reconnect');
      await client.next('connect');
      expect(client.id).not.toBe(id);
      expect(await gateway.registry.getSocket(client.id!)).toMatchObject({ user: 'bob' });
    },
  );

  it('[L7] gets everything that was sent to it before', async () => {
    const client = await gateway.connect();
    const target = gateway.broadcaster.toSockets(client.id!);
    for (let n = 1; n <= 3; n++) await target.emit('news', n);
    await end(gateway, client);
    await client.next('disconnect');
    expect(eventsAt(client)).toEqual(['connect', 'news', 'news', 'news', 'server:disconnect', 'disconnect']);
  });

  it('[L7] is cut off when it keeps the connection open by itself', async () => {
    const raw = await RawWebSocket.open(gateway.url);
    raw.send('40{"user":"stubborn"}');
    const { sid } = JSON.parse((await raw.next('40')).slice(2)) as { sid: string };
    await gateway.http('DELETE', `/v1/sockets/${sid}`);
    expect(await raw.next('42')).toContain('"server:disconnect"');
    await raw.next('41');
    await raw.closed;
  });

  it('[L7] is cut off when it polls and keeps the session by itself', async () => {
    const raw = await RawPolling.connect(gateway.url, { user: 'poller' });
    const [entry] = (await gateway.registry.getUser('poller')).sockets;
    const ended = gateway.http('DELETE', `/v1/sockets/${entry!.socketId}`);
    const said = await raw.pollUntilGone();
    expect(said).toContain('42["server:disconnect",{"code":"kicked"');
    expect(await ended).toMatchObject({ status: 204 });
  });

  // Socket.IO closes after a malformed packet; on polling Engine.IO then waits 30 s for a poll, whoever else hurries.
  it('[L7] [Q5] is cut off in time when its client has sent garbage and polls no more', async () => {
    const raw = await RawPolling.connect(gateway.url, { user: 'mallory' });
    await raw.post('42{');
    const answer = await gateway.http('DELETE', '/v1/users/mallory/sockets?reconnect=true');
    expect(answer.body).toEqual({ disconnected: 1 });
    expect((await gateway.registry.getUser('mallory')).online).toBe(false);
  }, 15_000);

  it('[L6] is logged with the code as the reason', async () => {
    const client = await gateway.connect({ auth: { user: 'carol' } });
    const socketId = client.id;
    await end(gateway, client);
    const line = await logger.until('a user disconnected', { socketId });
    expect(line.fields).toMatchObject({ user: 'carol', reason: 'kicked' });
  });

  it('[L7] ends all of a user at once, and nobody else', async () => {
    const bystander = await gateway.connect({ auth: { user: 'eve' } });
    const dave = await Promise.all([1, 2, 3].map(() => gateway.connect({ auth: { user: 'dave' } })));
    expect(await gateway.http('DELETE', '/v1/users/dave/sockets')).toMatchObject({
      status: 200,
      body: { disconnected: 3 },
    });
    for (const client of dave) {
      expect(await client.next('server:disconnect')).toMatchObject([{ code: 'kicked' }]);
      expect((await client.next('disconnect'))[0]).toBe('io server disconnect');
    }
    await bystander.settled();
    expect(eventsAt(bystander)).toEqual(['connect']);
  });
});

describe('a gateway that shuts down', () => {
  it.each(CLIENTS)('[L7] [O2] tells the v$version client by $transport to come back later', async (how) => {
    const gateway = await startGateway();
    const client = createClient(gateway.url, how);
    await client.next('connect');
    await gateway.app.close();
    expect(await client.next('server:disconnect')).toEqual([
      {
        code: 'server.draining',
        message: expect.any(String),
        retryable: true,
        retryAfterMs: expect.any(Number),
      },
    ]);
    expect((await client.next('disconnect'))[0]).toBe('transport close');
    expect(eventsAt(client)).toEqual(['connect', 'server:disconnect', 'disconnect']);
    client.close();
  });

  it('[O2] leaves no connection behind that waits for a last poll', async () => {
    const gateway = await startGateway({ maxSocketsPerUser: 1 });
    await gateway.connect({ auth: { user: 'ada' } });
    const [socket] = gateway.app.get(Namespaces).allSockets();
    const { engine } = socket!.nsp.server;
    // One too many: refused, and its connection closed with a poll that this client never makes.
    const refused = await RawPolling.open(gateway.url);
    await refused.post('40{"user":"ada"}');
    expect((await refused.packets()).join()).toMatch(/^44.*limit\.sockets/);
    expect(engine.clientsCount).toBe(2);
    await gateway.close();
    expect(engine.clientsCount).toBe(0);
  });

  it('[L6] [O2] logs everyone who was there as sent away', async () => {
    const logger = new CollectingLogger();
    const gateway = await startGateway({ logger });
    const clients = await Promise.all([1, 2, 3].map(() => gateway.connect()));
    const ids = clients.map(({ id }) => id);
    await gateway.app.close();
    for (const client of clients) client.close();
    expect(logger.find('draining')).toMatchObject([{ fields: { sockets: 3 } }]);
    expect(
      logger
        .find('a user disconnected', { reason: 'server.draining' })
        .map((line) => line.fields['socketId']),
    ).toEqual(expect.arrayContaining(ids));
  });
});

/** Keeps its app between the drain and its end for as long as a test wants. */
@Injectable()
class LastThings implements BeforeApplicationShutdown {
  private begin!: () => void;
  private release!: () => void;
  readonly begun = new Promise<void>((resolve) => (this.begin = resolve));
  private readonly released = new Promise<void>((resolve) => (this.release = resolve));

  async beforeApplicationShutdown(): Promise<void> {
    this.begin();
    await this.released;
  }

  finish(): void {
    this.release();
  }
}

@Module({
  imports: [
    SwitchboardModule.forRoot({ drainWindowMs: 100, clientsNameThemselves: true }),
    SwitchboardApiModule,
  ],
  providers: [LastThings],
})
class LingeringApp {}

describe('a gateway that has drained and still listens', () => {
  it.each(CLIENTS)(
    '[O2] takes nobody any more; the v$version client by $transport keeps trying until another answers',
    async (how) => {
      const app = await NestFactory.create(LingeringApp, { logger: false, abortOnError: false });
      setupSwitchboard(app);
      const draining = await startApp(app);
      const client = createClient(draining.url, { ...how, client: EAGER });
      await client.next('connect');
      const closed = draining.app.close();
      await app.get(LastThings).begun;
      await client.next('reconnect_error');
      await client.next('reconnect_error');
      expect(arrivedAt(client, 'connect')).toHaveLength(1);
      app.get(LastThings).finish();
      await closed;

      const successor = await startGateway({ port: draining.port });
      await client.next('reconnect');
      await client.next('connect');
      client.close();
      await successor.close();
    },
  );
});
