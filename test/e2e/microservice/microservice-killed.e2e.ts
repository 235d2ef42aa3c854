import { Injectable } from '@nestjs/common';
import { Broadcaster, SwitchboardError } from 'switchboard-gateway';
import type { SwitchboardClientOptions } from 'switchboard-gateway/client';
import { createClient } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { describeWith, startBroker, type BrokerKind, type TestBroker } from '../../support/brokers.js';
import { optionsFor } from '../../support/nest-client.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { startRemoteService } from '../../support/remote-service.js';
import { ServiceProcess } from '../../support/service-process.js';
import { until } from '../../support/until.js';

@Injectable()
class Asking {
  constructor(readonly broadcaster: Broadcaster) {}
}

const KEY = createApiKey('service', ['emit']);
const KINDS: readonly BrokerKind[] = ['nats', 'redis', 'amqp'];
const QUESTIONS = 12;
/** Longer than a busy machine takes to ask, to kill and to answer. */
const ANSWER_WITHIN_MS = 15_000;

describeWithRedis('a node that is killed while messages are under way', () => {
  for (const kind of KINDS) {
    describeWith(kind)(`over ${kind}`, () => {
      let broker: TestBroker;
      let redis: TestRedis;

      beforeAll(async () => {
        [broker, redis] = [await startBroker(kind), await TestRedis.start()];
      });
      afterAll(async () => {
        await broker.stop();
        await redis.kill();
      });

      it('[N4] loses its own and no others: each caller is answered in time, and the other node takes what comes', async () => {
        const start = () =>
          ServiceProcess.start({
            SWITCHBOARD_MICROSERVICE: broker.url,
            SWITCHBOARD_REDIS_URL: redis.url,
            SWITCHBOARD_API_KEYS: KEY.entry,
            SWITCHBOARD_ANONYMOUS: 'true',
          });
        const [doomed, other] = [await start(), await start()];
        const client = createClient(other.url);
        const options = { ...optionsFor(broker.url), apiKey: KEY.key, timeoutMs: 5_000 };
        const service = await startRemoteService(Asking, options as SwitchboardClientOptions);
        try {
          await client.next('connect');
          const answers: (() => void)[] = [];
          client.socket.on('question', (...args) => {
            const [n, reply] = args as [number, (answer: number) => void];
            answers.push(() => reply(n));
          });
          const to = service.provided.broadcaster.toSockets(client.id!);
          const ask = (n: number): Promise<unknown> =>
            to.emitWithAck('question', n, { timeoutMs: ANSWER_WITHIN_MS }).then(
              ({ responses }) => responses[0]?.args[0],
              (failure: unknown) => (failure instanceof SwitchboardError ? failure.code : failure),
            );
          const asked = Array.from({ length: QUESTIONS }, (_, n) => ask(n));
          await until('all are under way', () => answers.length === QUESTIONS);
          doomed.service.signal('SIGKILL');
          await doomed.service.ended;
          for (const answer of answers) answer();
          for (const [n, got] of (await Promise.all(asked)).entries()) {
            expect([n, 'gateway.unavailable']).toContain(got);
          }
          // Sent once each: the killed node's were not given to the other.
          expect(answers).toHaveLength(QUESTIONS);
          const again = Array.from({ length: QUESTIONS }, (_, n) => ask(n));
          await until('all are under way', () => answers.length === 2 * QUESTIONS);
          for (const answer of answers.slice(QUESTIONS)) answer();
          expect(await Promise.all(again)).toEqual([...Array(QUESTIONS).keys()]);
        } finally {
          client.close();
          client.dispose();
          await service.close();
          for (const { service: node } of [doomed, other]) {
            node.signal('SIGKILL');
            await node.ended;
          }
        }
      });
    });
  }
});
