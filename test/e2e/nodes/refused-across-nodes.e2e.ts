import { Injectable } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import type { Server } from 'socket.io';
import { TestGateway } from 'switchboard-gateway/testing';
import { CuttingProxy } from '../../support/cutting-proxy.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { breakOff, comeBack, sessionOf } from '../../support/recovering.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

@WebSocketGateway()
@Injectable()
class PickyGateway {
  takesNobody = false;

  afterInit(server: Server): void {
    server.use((socket, next) => {
      void socket.join('by-check');
      next(this.takesNobody ? new Error('not now') : undefined);
    });
  }
}

const asking = (user: string) => ({ auth: { user, recovery: true } });

/** Neither what all nodes know nor what this one knows tells of anybody. */
async function isDeserted(gateway: TestGateway): Promise<boolean> {
  const { sockets, users, rooms } = await gateway.registry.getStats();
  return sockets + users + rooms === 0;
}

describeWithRedis('sockets that were made known on all nodes and then did not get in', () => {
  let redis: TestRedis;
  const proxies: CuttingProxy[] = [];

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.kill());
  beforeEach(() => redis.ask((client) => client.flushall()));
  afterEach(async () => {
    await closeEmbeddings();
    for (const proxy of proxies.splice(0)) await proxy.close();
  });

  const start = (options = {}): Promise<TestGateway> =>
    startEmbedding({ providers: [PickyGateway], options: { redisUrl: redis.url, ...options } });

  it('[L3] [R4] a refusal by the app leaves nobody behind, also of a session that was claimed', async () => {
    const gateway = await start();
    const picky = gateway.app.get(PickyGateway);
    const client = await gateway.connect(asking('ada'));
    const id = await breakOff(gateway, client);
    picky.takesNobody = true;
    client.socket.open();
    await client.next('connect_error');
    await until('nobody is known any longer', () => isDeserted(gateway));
    picky.takesNobody = false;
    expect(await comeBack(client)).toBe(true);
    expect(client.id).toBe(id);
    expect((await gateway.registry.getRoom('by-check')).sockets).toBe(1);
    expect((await gateway.registry.getUser('ada')).sockets).toHaveLength(1);
  });

  it('[H6] [R4] a socket that was given up for another connection is gone when that is refused', async () => {
    const near = await start();
    const full = await start({ maxConnections: 1 });
    const proxy = await CuttingProxy.to(near.port);
    proxies.push(proxy);
    const client = await new TestGateway(near.app, proxy.url).connect(asking('ada'));
    await full.connect({ auth: { user: 'ben' } });
    const { pid } = sessionOf(client);
    proxy.abandon();
    const again = full.open({ auth: { user: 'ada', recovery: true, pid } });
    await again.next('connect_error');
    await until('ada is gone', async () => !(await near.registry.getUser('ada')).online);
    expect(await near.registry.getStats()).toMatchObject({ sockets: 1, users: 1 });
  });
});
