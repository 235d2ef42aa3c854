import type { ClientProxy } from '@nestjs/microservices';
import { createApiKey } from '../../../src/access/api-keys.js';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { describeWith, startBroker, type BrokerKind, type TestBroker } from '../../support/brokers.js';
import { closeNestClients, nestClient, refusedWith, sent } from '../../support/nest-client.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

const KEY = createApiKey('backend', ['emit', 'read', 'manage']);
const KINDS: readonly BrokerKind[] = ['nats', 'redis', 'amqp'];
const MESSAGES = 20;

const apiKey = KEY.key;

describeWithRedis('three nodes behind a broker', () => {
  let redis: TestRedis;

  beforeAll(async () => void (redis = await TestRedis.start()));
  afterAll(() => redis.kill());

  for (const kind of KINDS) {
    describeWith(kind)(`over ${kind}`, () => {
      let broker: TestBroker;
      let nodes: TestGateway[];
      let service: ClientProxy;

      beforeAll(async () => {
        broker = await startBroker(kind);
        await redis.ask((client) => client.flushall());
        const options = {
          redisUrl: redis.url,
          microservice: broker.url,
          apiKeys: KEY.entry,
          anonymous: true,
          drainWindowMs: 0,
        };
        nodes = await Promise.all([startGateway(options), startGateway(options), startGateway(options)]);
      });
      beforeEach(async () => void (service = await nestClient(broker.url)));
      afterEach(closeNestClients);
      afterAll(async () => {
        await Promise.all(nodes.map((node) => node.close()));
        await broker.stop();
      });

      it('[N4] carry out a message once, by send and by emit, and each is answered', async () => {
        const client = await nodes[1]!.connect();
        const to = { sockets: [client.id!] };
        const answers = await Promise.all(
          Array.from({ length: MESSAGES }, (_, n) =>
            sent(service, 'switchboard.emit', { to, event: 'sent', data: n, apiKey }),
          ),
        );
        expect(answers).toEqual(answers.map(() => ({ id: expect.any(String), matched: 1 })));
        for (let n = 0; n < MESSAGES; n++) {
          service.emit('switchboard.emit', { to, event: 'emitted', data: n, apiKey });
        }
        const got: unknown[] = [];
        for (let n = 0; n < MESSAGES; n++) got.push((await client.next('emitted'))[0]);
        expect(got.toSorted((a, b) => Number(a) - Number(b))).toEqual([...Array(MESSAGES).keys()]);
        // Whatever another node would have done with them has come before this, on every node.
        for (const node of nodes) {
          await node.http(
            'POST',
            '/v1/emit',
            { to, event: 'end', data: 1 },
            { authorization: `Bearer ${apiKey}` },
          );
          await client.next('end');
        }
        expect(client.queue.pending('sent')).toBe(MESSAGES);
        expect(client.queue.pending('emitted')).toBe(0);
      });

      it('[N3] [N5] refuse in our words', async () => {
        expect(await refusedWith(service, 'switchboard.stats', {})).toEqual(
          expect.objectContaining({ code: 'auth.key_invalid' }),
        );
        expect(await refusedWith(service, 'switchboard.socket', { socketId: 'gone', apiKey })).toEqual(
          expect.objectContaining({ code: 'socket.not_found', retryable: false }),
        );
      });

      it('[N5] come back to a broker that was away; it is named in /health/ready and costs no socket', async () => {
        const [node] = nodes as [TestGateway];
        const client = await node.connect();
        const state = async (): Promise<unknown> =>
          Object.entries((await health(node)).details['microservice'] ?? {}).find(([at]) =>
            at.includes('://'),
          )?.[1];
        expect(await state()).toBe('up');
        await broker.kill();
        await until('the node has seen it', async () => (await state()) === 'down');
        expect((await health(node)).status).toBe('ok');
        await broker.run();
        await until('the nodes are back', async () => (await state()) === 'up');
        await closeNestClients();
        service = await nestClient(broker.url);
        await until('it is answered again', async () => {
          const answer = await Promise.race([
            refusedWith(service, 'switchboard.stats', { apiKey }),
            new Promise((resolve) => setTimeout(resolve, 1_000, {})),
          ]);
          return 'nodes' in ((answer as { answered?: object }).answered ?? {});
        });
        expect(client.queue.pending('disconnect')).toBe(0);
        client.close();
      });
    });
  }
});

interface Health {
  readonly status: string;
  readonly details: Readonly<Record<string, object>>;
}

const health = async ({ url }: TestGateway): Promise<Health> =>
  (await (await fetch(`${url}/health/ready`)).json()) as Health;
