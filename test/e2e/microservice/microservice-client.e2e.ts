import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  Broadcaster,
  RoomHistory,
  SocketControl,
  SocketRegistry,
  SwitchboardError,
} from 'switchboard-gateway';
import * as remote from 'switchboard-gateway/client';
import { SwitchboardClientModule, type SwitchboardClientOptions } from 'switchboard-gateway/client';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { freePort } from '../../support/free-port.js';
import { optionsFor } from '../../support/nest-client.js';
import { until } from '../../support/until.js';
import { SECRET, sign } from '../../support/tokens.js';

/** Written against what both modules provide, and knows not which of them does. */
@Injectable()
class Shop {
  constructor(
    readonly broadcaster: Broadcaster,
    readonly registry: SocketRegistry,
    readonly control: SocketControl,
    readonly history: RoomHistory,
  ) {}

  async ship(user: string, order: number): Promise<number> {
    const { matched } = await this.broadcaster
      .toUsers(user)
      .emit('order:shipped', order, Buffer.from([1, 2]));
    return matched;
  }

  async confirm(user: string): Promise<unknown[]> {
    const { responses } = await this.broadcaster
      .toUsers(user)
      .emitWithAck('order:confirm', { timeoutMs: 5_000 });
    return responses.map(({ args }) => args);
  }
}

const KEY = createApiKey('shop', ['emit', 'read', 'manage']);
const HISTORY = { history: 'chat:*=10/1h' };

interface Running {
  readonly gateway: TestGateway;
  readonly shop: Shop;
  close(): Promise<void>;
}

async function startRemote(
  options: SwitchboardClientOptions,
): Promise<{ shop: Shop; close(): Promise<void> }> {
  @Module({ imports: [SwitchboardClientModule.register(options)], providers: [Shop] })
  class OrdersModule {}

  const app = await NestFactory.createApplicationContext(OrdersModule, { logger: false });
  return { shop: app.get(Shop), close: () => app.close() };
}

const WAYS: Readonly<Record<string, () => Promise<Running>>> = {
  embedded: async () => {
    const gateway = await startEmbedding({ providers: [Shop], options: HISTORY });
    return { gateway, shop: gateway.app.get(Shop), close: closeEmbeddings };
  },
  'remote, over TCP': async () => {
    const url = `tcp://127.0.0.1:${await freePort()}`;
    const gateway = await startGateway({
      ...HISTORY,
      microservice: url,
      apiKeys: KEY.entry,
      jwtSecret: SECRET,
    });
    const service = await startRemote({
      ...optionsFor(url),
      apiKey: KEY.key,
    } as SwitchboardClientOptions);
    return {
      gateway,
      shop: service.shop,
      close: async () => {
        await service.close();
        await gateway.close();
      },
    };
  },
};

describe.each(Object.keys(WAYS))('a class against Broadcaster and SocketRegistry, %s', (way) => {
  let running: Running;
  const connect = async (user: string) => {
    const auth = way === 'embedded' ? { user } : { token: await sign({ sub: user }) };
    return running.gateway.connect({ auth });
  };

  beforeEach(async () => void (running = await WAYS[way]!()));
  afterEach(() => running.close());

  it('[N2] sends, asks and looks up', async () => {
    const { shop } = running;
    const ada = await connect('ada');
    expect(await shop.ship('ada', 7)).toBe(1);
    expect(await ada.next('order:shipped')).toEqual([7, Buffer.from([1, 2])]);
    ada.answer('order:confirm', () => ({ yes: Buffer.from([3]) }));
    expect(await shop.confirm('ada')).toEqual([[{ yes: Buffer.from([3]) }]]);
    expect((await shop.registry.getUser('ada')).online).toBe(true);
    expect(await shop.registry.getSocket('gone')).toBeUndefined();
    expect((await shop.registry.getSocket(ada.id!))?.user).toBe('ada');
    expect((await shop.registry.getSockets({ user: 'ada' })).total).toBe(1);
    expect(await shop.registry.getStats()).toMatchObject({ sockets: 1, users: 1, nodes: 1 });
    expect(await shop.registry.getNodes()).toHaveLength(1);
  });

  it('[N2] [N7] moves, ends and reads', async () => {
    const { shop } = running;
    const ada = await connect('ada');
    await shop.control.join({ user: 'ada' }, 'chat:1');
    expect(await shop.registry.getRoomsOfSocket(ada.id!)).toEqual(['chat:1']);
    expect((await shop.registry.getMembers('chat:1')).items).toMatchObject([{ user: 'ada', sockets: 1 }]);
    expect((await shop.registry.getRooms({ prefix: 'chat:' })).items).toEqual([
      { room: 'chat:1', sockets: 1, users: 1 },
    ]);
    await shop.broadcaster.toRooms('chat:1').emit('line', Buffer.from([4]));
    expect((await shop.history.read('chat:1')).publications).toMatchObject([
      { event: 'line', args: [Buffer.from([4])] },
    ]);
    expect(await shop.control.disconnect({ socketId: ada.id! })).toBe(1);
    await ada.next('server:disconnect');
  });

  it('[N2] [E1] fails with the same codes', async () => {
    const { shop } = running;
    const codeOf = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => 'no error',
        (error: unknown) => (error instanceof SwitchboardError ? error.code : error),
      );
    expect(await codeOf(shop.broadcaster.toAll().emit('connect'))).toBe('event.reserved');
    expect(await codeOf(shop.broadcaster.toAll().emit('a', 1n))).toBe('payload.invalid');
    expect(await codeOf(shop.broadcaster.toAll().emitWithAck('a', { timeoutMs: 0 }))).toBe('payload.invalid');
    expect(await codeOf(shop.control.join({ socketId: 'gone' }, 'a'))).toBe('socket.not_found');
    expect(await codeOf(shop.history.read('a'))).toBe('history.disabled');
    expect(await codeOf(shop.registry.getUsers({ limit: 0 }))).toBe('payload.invalid');
  });
});

describe('switchboard-gateway/client', () => {
  it('[N2] gives the classes of the embedded module', () => {
    expect(remote).toMatchObject({
      Broadcaster,
      SocketRegistry,
      SocketControl,
      RoomHistory,
      SwitchboardError,
    });
  });

  it('[N2] depends on no Socket.IO: nothing that it imports does', () => {
    const seen = new Set<string>();
    const packages = new Set<string>();
    const walk = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const text = readFileSync(file, 'utf8');
      for (const [, name] of text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
        if (name!.startsWith('.')) walk(join(dirname(file), name!));
        else packages.add(name!);
      }
    };
    walk(join(process.cwd(), 'dist/microservice/client/index.js'));
    expect([...packages].filter((name) => !name.startsWith('node:')).toSorted()).toEqual([
      '@nestjs/common',
      '@nestjs/microservices',
      'rxjs',
    ]);
  });

  it('[N2] [N4] fails with gateway.unavailable where no gateway is, and works when there is one', async () => {
    const port = await freePort();
    const url = `tcp://127.0.0.1:${port}`;
    const { shop, close } = await startRemote(optionsFor(url) as SwitchboardClientOptions);
    const asked = (): Promise<unknown> => shop.registry.getStats().catch((error: unknown) => error);
    const away = expect.objectContaining({ code: 'gateway.unavailable', retryable: true });
    expect(await asked()).toEqual(away);
    const gateway = await startGateway({ microservice: url });
    await until('it is answered', async () => 'nodes' in ((await asked()) as object));
    const client = await gateway.connect();
    const waiting = shop.broadcaster
      .toAll()
      .emitWithAck('never answered', { timeoutMs: 60_000 })
      .catch((error: unknown) => error);
    await client.next('never answered');
    client.close();
    await gateway.close();
    expect(await waiting).toMatchObject({ missing: [{ socketId: expect.any(String) }] });
    expect(await asked()).toEqual(away);
    await close();
  });
});
