import { Controller, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload, type MicroserviceOptions } from '@nestjs/microservices';
import { Broadcaster } from 'switchboard-gateway';
import type { SwitchboardClientOptions } from 'switchboard-gateway/client';
import { startGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { describeWith, startBroker, type TestBroker } from '../../support/brokers.js';
import { optionsFor } from '../../support/nest-client.js';
import { startRemoteService } from '../../support/remote-service.js';

const asked: unknown[] = [];

@Controller()
class Orders {
  @MessagePattern('order:place')
  place(@Payload() { args }: { args: unknown[] }) {
    asked.push(args[0]);
    return true;
  }
}

@Module({ controllers: [Orders] })
class OrdersModule {}

@Injectable()
class Sender {
  constructor(readonly broadcaster: Broadcaster) {}
}

const KEY = createApiKey('service', ['emit', 'read']);

describeWith('amqp')('messages that were given up, over amqp', () => {
  let broker: TestBroker;

  beforeAll(async () => void (broker = await startBroker('amqp')));
  afterAll(() => broker.stop());

  it('[N6] [B4] an event that was answered handler.timeout is not carried out when the service is back', async () => {
    const gateway = await startGateway({
      handlers: { 'order:*': `${broker.url}?queue=orders` },
      handlerAttemptMs: 2_000,
    });
    const client = await gateway.connect();
    expect(await client.request('order:place', 'lost')).toMatchObject({ error: { code: 'handler.timeout' } });
    const service = await NestFactory.createMicroservice<MicroserviceOptions>(OrdersModule, {
      ...(optionsFor(broker.url, 'orders') as MicroserviceOptions),
      logger: false,
    });
    await service.listen();
    expect(await client.request('order:place', 'new')).toEqual({ ok: true, data: true });
    expect(asked).toEqual(['new']);
    await gateway.close();
    await service.close();
  });

  it('[N2] [N4] a call that failed with gateway.unavailable is not carried out when a gateway is there', async () => {
    const options = { ...optionsFor(broker.url), apiKey: KEY.key, timeoutMs: 1_000 };
    const service = await startRemoteService(Sender, options as SwitchboardClientOptions);
    const lost = service.provided.broadcaster.toRooms('chat:1').emit('line', 'lost');
    await expect(lost).rejects.toMatchObject({ code: 'gateway.unavailable' });
    const gateway = await startGateway({
      microservice: broker.url,
      apiKeys: KEY.entry,
      history: 'chat:*=10/1h',
    });
    const patient = { ...options, timeoutMs: 60_000 } as SwitchboardClientOptions;
    const fresh = await startRemoteService(Sender, patient);
    await fresh.provided.broadcaster.toRooms('chat:1').emit('line', 'new');
    const { body } = await gateway.http('GET', '/v1/rooms/chat:1/history', undefined, {
      authorization: `Bearer ${KEY.key}`,
    });
    expect(body).toMatchObject({ publications: [{ args: ['new'] }] });
    await Promise.all([fresh.close(), service.close()]);
    await gateway.close();
  });
});
