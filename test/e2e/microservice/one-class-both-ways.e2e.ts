import { Injectable } from '@nestjs/common';
import {
  Broadcaster,
  RoomHistory,
  SocketControl,
  SocketRegistry,
  SwitchboardError,
} from 'switchboard-gateway';
import type { SwitchboardClientOptions } from 'switchboard-gateway/client';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { PublicationBuilder } from '../../../src/delivery/publication-builder.js';
import { RemoteBroadcaster } from '../../../src/microservice/client/remote-broadcaster.js';
import { RemoteRegistry } from '../../../src/microservice/client/remote-registry.js';
import { describeWith, startBroker, type BrokerKind, type TestBroker } from '../../support/brokers.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { freePort } from '../../support/free-port.js';
import { optionsFor } from '../../support/nest-client.js';
import { startRemoteService } from '../../support/remote-service.js';
import { SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

/** What an app writes, against what both modules provide: it knows not which of them does. */
@Injectable()
class Shop {
  constructor(
    readonly broadcaster: Broadcaster,
    readonly registry: SocketRegistry,
    readonly control: SocketControl,
    readonly history: RoomHistory,
  ) {}
}

const KEY = createApiKey('shop', ['emit', 'read', 'manage']);
const OPTIONS = { history: 'chat:*=10/1h', jwtSecret: SECRET, apiKeys: KEY.entry };
const CAPS = [{ room: '*', allow: ['join', 'emit', 'presence', 'history'] }];

interface Running {
  readonly gateway: TestGateway;
  readonly shop: Shop;
  close(): Promise<void>;
}

async function embedded(): Promise<Running> {
  const gateway = await startEmbedding({ providers: [Shop], options: OPTIONS });
  return { gateway, shop: gateway.app.get(Shop), close: closeEmbeddings };
}

async function remote(kind: BrokerKind | 'tcp'): Promise<Running> {
  const broker: TestBroker | undefined = kind === 'tcp' ? undefined : await startBroker(kind);
  const url = broker?.url ?? `tcp://127.0.0.1:${await freePort()}`;
  const gateway = await startGateway({ ...OPTIONS, microservice: url });
  const options = { ...optionsFor(url), apiKey: KEY.key, timeoutMs: 60_000 } as SwitchboardClientOptions;
  const service = await startRemoteService(Shop, options);
  return {
    gateway,
    shop: service.provided,
    close: async () => {
      await service.close();
      await gateway.close();
      await broker?.stop();
    },
  };
}

/** The public methods of a class; those that TypeScript hides are named. */
const methodsOf = (of: abstract new (...args: never[]) => object, hidden: readonly string[] = []): string[] =>
  Object.entries(Object.getOwnPropertyDescriptors(of.prototype as object))
    .filter(
      ([name, { value }]) => typeof value === 'function' && name !== 'constructor' && !hidden.includes(name),
    )
    .map(([name]) => name);

const ALL_METHODS: Readonly<Record<string, readonly string[]>> = {
  broadcaster: [...methodsOf(Broadcaster, ['builder']), ...methodsOf(RemoteBroadcaster)],
  builder: methodsOf(PublicationBuilder, ['own', 'request']),
  registry: [...methodsOf(SocketRegistry), ...methodsOf(RemoteRegistry)],
  control: methodsOf(SocketControl),
  history: methodsOf(RoomHistory),
};

/** Notes the methods that are called, and those of the builders that they return. */
function noting<Target extends object>(name: string, target: Target, called: Set<string>): Target {
  return new Proxy(target, {
    get: (of, key) => {
      const value: unknown = Reflect.get(of, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        called.add(`${name}.${String(key)}`);
        const result: unknown = Reflect.apply(value, of, args);
        return result instanceof PublicationBuilder ? noting('builder', result, called) : result;
      };
    },
  });
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof SwitchboardError ? error.code : error),
  );

const KINDS: readonly (BrokerKind | 'tcp')[] = ['tcp', 'nats', 'redis', 'amqp'];
const WAYS: readonly { name: string; describe: jest.Describe; start: () => Promise<Running> }[] = [
  { name: 'embedded', describe, start: embedded },
  ...KINDS.map((kind) => ({
    name: `remote, over ${kind}`,
    describe: kind === 'tcp' ? describe : describeWith(kind),
    start: () => remote(kind),
  })),
];

for (const way of WAYS) {
  way.describe(`a class against Broadcaster and SocketRegistry, ${way.name}`, () => {
    const called = new Set<string>();
    let running: Running;
    let shop: Shop;
    const connect = async (user: string): Promise<TestClient> =>
      running.gateway.connect({ auth: { token: await sign({ sub: user, caps: CAPS }) } });

    beforeAll(async () => {
      running = await way.start();
      const { broadcaster, registry, control, history } = running.shop;
      shop = {
        broadcaster: noting('broadcaster', broadcaster, called),
        registry: noting('registry', registry, called),
        control: noting('control', control, called),
        history: noting('history', history, called),
      };
    });
    afterAll(() => running.close());

    it('[N2] sends to whom it names, with binary and back', async () => {
      const [ada, bob] = [await connect('ada'), await connect('bob')];
      await shop.control.join({ user: 'ada' }, 'lobby');
      const { broadcaster } = shop;
      const bytes = Buffer.from([1, 2]);
      expect(await broadcaster.toUsers('ada').emit('user', 7, bytes)).toEqual({
        id: expect.any(String),
        matched: 1,
      });
      expect(await ada.next('user')).toEqual([7, bytes]);
      expect((await broadcaster.toAll().emit('all')).matched).toBe(2);
      expect((await broadcaster.toRooms('lobby').emit('room')).matched).toBe(1);
      expect((await broadcaster.toSockets(bob.id!).emit('socket')).matched).toBe(1);
      expect((await broadcaster.to({ users: ['ada'], sockets: [bob.id!] }).emit('both')).matched).toBe(2);
      expect(
        (
          await broadcaster
            .toAll()
            .except({ users: ['ada'] })
            .volatile()
            .emit('rest')
        ).matched,
      ).toBe(1);
      const request = { to: { users: ['bob'] }, event: 'bare', args: [null] } as const;
      expect((await broadcaster.publish(request)).matched).toBe(1);
      for (const event of ['all', 'socket', 'both', 'rest', 'bare']) await bob.next(event);
      for (const event of ['all', 'room', 'both']) await ada.next(event);
      expect(ada.queue.pending('rest')).toBe(0);

      ada.answer('confirm', () => ({ yes: Buffer.from([3]) }));
      const asked = await broadcaster.toUsers('ada').emitWithAck('confirm', 'really?', { timeoutMs: 60_000 });
      expect(asked).toEqual({
        id: expect.any(String),
        responses: [{ socketId: ada.id, user: 'ada', args: [{ yes: Buffer.from([3]) }] }],
        missing: [],
      });
      const silent = { to: { users: ['bob'] }, event: 'silent', args: [] } as const;
      expect(await broadcaster.publishWithAck(silent, 50)).toMatchObject({
        responses: [],
        missing: [{ socketId: bob.id, user: 'bob' }],
      });
      for (const client of [ada, bob]) client.close();
    });

    it('[N2] looks up everything that can be looked up', async () => {
      const client = await connect('cyd');
      await shop.control.join({ socketId: client.id! }, 'team:1');
      const { registry } = shop;
      expect(await registry.getSocket('gone')).toBeUndefined();
      expect(await registry.getSocket(client.id!)).toMatchObject({ user: 'cyd', rooms: ['team:1'] });
      expect(await registry.getRoomsOfSocket(client.id!)).toEqual(['team:1']);
      expect(await registry.getRoomsOfSocket('gone')).toEqual([]);
      expect(await registry.getSockets({ room: 'team:1' })).toMatchObject({
        items: [{ socketId: client.id }],
        next: null,
        total: 1,
      });
      expect(await registry.getUser('cyd')).toMatchObject({ online: true, rooms: ['team:1'] });
      expect(await registry.getUser('nobody')).toMatchObject({ online: false, sockets: [] });
      expect((await registry.getUsers({ limit: 1_000 })).items).toContainEqual({ user: 'cyd', sockets: 1 });
      expect(await registry.getRoom('team:1')).toEqual({ room: 'team:1', sockets: 1, users: 1 });
      expect((await registry.getRooms({ prefix: 'team:' })).items).toMatchObject([{ room: 'team:1' }]);
      expect((await registry.getMembers('team:1')).items).toMatchObject([{ user: 'cyd', sockets: 1 }]);
      expect(await registry.getNodes()).toHaveLength(1);
      expect(await registry.getStats()).toMatchObject({ nodes: 1, users: expect.any(Number) });
      client.close();
    });

    it('[N2] [N7] moves, ends, shuts out and lets in again', async () => {
      const { control, registry } = shop;
      const client = await connect('dan');
      await control.join({ user: 'dan' }, 'chat:1');
      await control.leave({ socketId: client.id! }, 'chat:1');
      expect(await registry.getRoomsOfSocket(client.id!)).toEqual([]);
      expect(await control.disconnect({ user: 'dan' }, { reconnect: false })).toBe(1);
      await client.next('server:disconnect');
      await control.block('dan');
      expect((await control.getBlocks()).items).toMatchObject([{ user: 'dan' }]);
      await control.unblock('dan');
      expect((await control.getBlocks()).items).toEqual([]);
      const again = await connect('dan');
      await control.revoke({ user: 'dan', issuedBefore: Math.ceil(Date.now() / 1_000) + 60 });
      expect(await again.next('server:disconnect')).toMatchObject([{ code: 'auth.revoked' }]);
    });

    it('[N2] [N7] reads a history from any position, and drops it', async () => {
      const { broadcaster, history } = shop;
      for (const n of [1, 2]) await broadcaster.toRooms('chat:2').emit('line', n, Buffer.from([n]));
      expect((await history.read('chat:2', { limit: 1 })).publications).toMatchObject([
        { args: [2, Buffer.from([2])] },
      ]);
      const { epoch, offset, publications } = await history.read('chat:2');
      expect(publications).toEqual([
        expect.objectContaining({ event: 'line', args: [1, Buffer.from([1])] }),
        expect.objectContaining({ event: 'line', args: [2, Buffer.from([2])] }),
      ]);
      const missed = await history.read('chat:2', { since: { epoch, offset: offset - 1 } });
      expect(missed.publications).toEqual([publications[1]]);
      await history.drop('chat:2');
      expect((await history.read('chat:2')).publications).toEqual([]);
    });

    it('[N2] [E1] fails with the same codes', async () => {
      const { broadcaster, control, history, registry } = shop;
      expect(await codeOf(broadcaster.toAll().emit('connect'))).toBe('event.reserved');
      expect(await codeOf(broadcaster.toAll().emit('a', 1n))).toBe('payload.invalid');
      expect(await codeOf(broadcaster.toAll().emitWithAck('a', { timeoutMs: 0 }))).toBe('payload.invalid');
      expect(await codeOf(control.join({ socketId: 'gone' }, 'a'))).toBe('socket.not_found');
      expect(await codeOf(control.join({ user: 'eve' }, 'user:ada'))).toBe('access.denied');
      expect(await codeOf(control.block(''))).toBe('payload.invalid');
      expect(await codeOf(history.read('a'))).toBe('history.disabled');
      expect(await codeOf(history.read('chat:1', { limit: 0 }))).toBe('payload.invalid');
      expect(await codeOf(registry.getUsers({ limit: 0 }))).toBe('payload.invalid');
      expect(await codeOf(registry.getSockets({ cursor: 'made up' }))).toBe('payload.invalid');
    });

    it('[N2] has been asked for every method that there is', () => {
      const all = Object.entries(ALL_METHODS).flatMap(([name, methods]) =>
        methods.map((method) => `${name}.${method}`),
      );
      expect([...called].toSorted()).toEqual(all.toSorted());
    });

    it('[N2] [N7] tells changes in the processes of the gateway only', async () => {
      const told: unknown[] = [];
      const subscription = running.shop.registry.changes.subscribe({
        next: (change) => told.push(change.type),
        error: (failure: Error) => told.push(failure.message),
      });
      const client = await connect('fay');
      await until('something is told', () => told.length > 0);
      if (way.name === 'embedded') expect(told).toContain('user.online');
      else expect(told).toEqual(['changes are told in the processes of the gateway only']);
      subscription.unsubscribe();
      client.close();
    });
  });
}
