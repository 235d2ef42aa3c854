import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload, RpcException, type MicroserviceOptions } from '@nestjs/microservices';
import { EMPTY, NEVER, of } from 'rxjs';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { describeWith, startBroker, type BrokerKind, type TestBroker } from '../../support/brokers.js';
import { freePort } from '../../support/free-port.js';
import { optionsFor } from '../../support/nest-client.js';
import { until } from '../../support/until.js';

interface Asked {
  readonly user: string;
  readonly args: readonly unknown[];
}

const asked: Asked[] = [];

@Controller()
class Orders {
  @MessagePattern('order:place')
  place(@Payload() message: Asked) {
    asked.push(message);
    return { placed: message.args[0], by: message.user };
  }

  @MessagePattern('order:first')
  first() {
    return of('one', 'two');
  }

  @MessagePattern('order:nothing')
  nothing() {
    return EMPTY;
  }

  @MessagePattern('order:refused')
  refused() {
    throw new RpcException({ code: 'sold_out', message: 'none left', retryable: true });
  }

  @MessagePattern('order:broken')
  broken() {
    throw new Error('the password is hunter2');
  }

  @MessagePattern('order:never')
  never(@Payload() message: Asked) {
    asked.push(message);
    return NEVER;
  }
}

@Module({ controllers: [Orders] })
class OrdersModule {}

const startService = async (url: string): Promise<INestMicroservice> => {
  const service = await NestFactory.createMicroservice<MicroserviceOptions>(OrdersModule, {
    ...(optionsFor(url, 'orders') as MicroserviceOptions),
    logger: false,
    abortOnError: false,
  });
  await service.listen();
  return service;
};

const refused = (code: string, more: object = {}): unknown => ({
  ok: false,
  error: expect.objectContaining({ code, ...more }),
});

const KINDS: readonly (BrokerKind | 'tcp')[] = ['tcp', 'nats', 'redis', 'amqp'];

for (const kind of KINDS) {
  const describeIt = kind === 'tcp' ? describe : describeWith(kind);
  describeIt(`events that microservices of Nest take, over ${kind}`, () => {
    let broker: TestBroker | undefined;
    let service: INestMicroservice;
    let gateway: TestGateway;
    let url: string;
    const start = (handlerAttemptMs: number): Promise<TestGateway> =>
      startGateway({
        handlers: { 'order:*': kind === 'amqp' ? `${url}?queue=orders` : url },
        handlerAttemptMs,
        handlerTimeoutMs: 60_000,
      });

    beforeAll(async () => {
      broker = kind === 'tcp' ? undefined : await startBroker(kind);
      url = broker?.url ?? `tcp://127.0.0.1:${await freePort()}`;
      service = await startService(url);
    });
    beforeEach(() => void (asked.length = 0));
    afterEach(() => gateway.close());
    afterAll(async () => {
      await service.close();
      await broker?.stop();
    });

    it('[N6] acknowledge with their first value and refuse with what they throw', async () => {
      gateway = await start(30_000);
      const client = await gateway.connect({ auth: { user: 'ada' } });
      expect(await client.request('order:place', { id: 7 })).toEqual({
        ok: true,
        data: { placed: { id: 7 }, by: 'ada' },
      });
      expect(asked).toEqual([
        {
          type: 'event',
          id: expect.any(String),
          event: 'order:place',
          args: [{ id: 7 }],
          user: 'ada',
          info: null,
          socketId: client.id,
          rooms: [],
          node: expect.any(String),
          at: expect.any(String),
          address: '127.0.0.1',
        },
      ]);
      expect(await client.request('order:first')).toEqual({ ok: true, data: 'one' });
      expect(await client.request('order:nothing')).toEqual({ ok: true });
      expect(await client.request('order:refused')).toEqual(
        refused('app.sold_out', { message: 'none left', retryable: true }),
      );
      const broken = await client.request('order:broken');
      expect(broken).toEqual(refused('handler.failed'));
      expect(JSON.stringify(broken)).not.toContain('hunter2');
    });

    it('[N6] are asked with a time limit', async () => {
      gateway = await start(200);
      const client = await gateway.connect();
      expect(await client.request('order:never')).toEqual(refused('handler.timeout'));
    });

    it('[N6] fail at once when the connection is lost, and are asked again when it is back', async () => {
      gateway = await start(60_000);
      const client = await gateway.connect();
      const waiting = client.request('order:never');
      await until('it is asked', () => asked.length === 1);
      if (broker) await broker.kill();
      else await service.close();
      expect(await waiting).toEqual(refused('handler.failed'));
      const state = async (): Promise<unknown> => {
        const body = (await (await fetch(`${gateway.url}/health/ready`)).json()) as {
          status: string;
          details: { handlers: Record<string, unknown> };
        };
        expect(body.status).toBe('ok');
        return body.details.handlers['order:*'];
      };
      expect(await state()).toBe('disconnected');
      if (broker) await broker.run();
      else service = await startService(url);
      await until('it is answered again', async () => {
        const answer = await Promise.race([
          client.request('order:place', 1),
          new Promise((resolve) => setTimeout(resolve, 1_000, {})),
        ]);
        return (answer as { ok?: boolean }).ok === true;
      });
    });
  });
}
