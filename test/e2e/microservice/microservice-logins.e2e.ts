import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload, RpcException, type MicroserviceOptions } from '@nestjs/microservices';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { describeWith, startBroker, type BrokerKind, type TestBroker } from '../../support/brokers.js';
import { freePort } from '../../support/free-port.js';
import { optionsFor } from '../../support/nest-client.js';
import { refusalOf } from '../../support/tokens.js';
import { until } from '../../support/until.js';

interface Question {
  readonly auth: { readonly ticket?: string };
  readonly user: string;
  readonly room: string;
  readonly [field: string]: unknown;
}

const asked: Question[] = [];

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

/** Long enough for a busy machine to ask and be answered within the second half of it. */
const SOON_MS = 12_000;

@Controller()
class Logins {
  @MessagePattern('@connect')
  connect(@Payload() question: Question) {
    asked.push(question);
    switch (question.auth.ticket) {
      case 'stolen':
        throw new RpcException({ code: 'ticket_used', message: 'log in again' });
      case 'broken':
        throw new Error('the password is hunter2');
      case 'short':
        return { user: 'ann', expiresAt: inMs(SOON_MS) };
      case 'nobody':
        return { name: 'no user' };
      default:
        return {
          user: 'ann',
          info: { name: 'Ann' },
          caps: [{ room: 'team:*', allow: ['join', 'emit'] }],
          rooms: ['staff'],
        };
    }
  }

  @MessagePattern('@refresh')
  refresh(@Payload() question: Question) {
    asked.push(question);
    return { expiresAt: inMs(3_600_000), caps: [{ room: 'more', allow: ['join'] }] };
  }

  @MessagePattern('@join')
  join(@Payload() question: Question) {
    asked.push(question);
    switch (question.room) {
      case 'chat:1':
        return { allow: ['join', 'emit'], info: { topic: 'tea' } };
      case 'chat:closed':
        throw new RpcException({ code: 'closed', message: 'come back tomorrow', retryable: true });
      default:
        return { allow: 'everything' };
    }
  }
}

@Module({ controllers: [Logins] })
class LoginModule {}

const KINDS: readonly (BrokerKind | 'tcp')[] = ['tcp', 'nats', 'redis', 'amqp'];

for (const kind of KINDS) {
  const describeIt = kind === 'tcp' ? describe : describeWith(kind);
  describeIt(`a microservice of Nest that says who clients are, over ${kind}`, () => {
    let broker: TestBroker | undefined;
    let service: INestMicroservice;
    let gateway: TestGateway;

    beforeAll(async () => {
      broker = kind === 'tcp' ? undefined : await startBroker(kind);
      const url = broker?.url ?? `tcp://127.0.0.1:${await freePort()}`;
      service = await NestFactory.createMicroservice<MicroserviceOptions>(LoginModule, {
        ...(optionsFor(url, 'logins') as MicroserviceOptions),
        logger: false,
        abortOnError: false,
      });
      await service.listen();
      const at = kind === 'amqp' ? `${url}?queue=logins` : url;
      gateway = await startGateway({
        handlers: { '@connect': at, '@refresh': at, '@join:chat:*': at },
        handlerHeaders: 'cookie',
        handlerAttemptMs: 60_000,
        handlerTimeoutMs: 60_000,
      });
    });
    beforeEach(() => void (asked.length = 0));
    afterAll(async () => {
      await gateway.close();
      await service.close();
      await broker?.stop();
    });

    it('[N6] [B6] by @connect: what the client presented goes out, who it is comes back', async () => {
      const client = await gateway.connect({
        auth: { ticket: 't' },
        client: { extraHeaders: { cookie: 'session=1', 'x-other': 'stays' } },
      });
      expect(asked).toEqual([
        expect.objectContaining({
          type: 'connect',
          id: expect.any(String),
          auth: { ticket: 't' },
          headers: { cookie: 'session=1' },
          address: '127.0.0.1',
          namespace: '/',
        }),
      ]);
      expect(await client.request('socket:info')).toMatchObject({ ok: true, user: 'ann', rooms: ['staff'] });
      expect((await gateway.registry.getSocket(client.id!))?.info).toEqual({ name: 'Ann' });
      expect(await client.request('room:join', { room: 'team:1' })).toMatchObject({ ok: true });
      expect(await client.request('room:join', { room: 'else' })).toMatchObject({
        error: { code: 'access.denied' },
      });
      client.close();
    });

    it.each([
      ['stolen', { code: 'app.ticket_used', message: 'log in again', retryable: false }],
      ['broken', { code: 'handler.failed', retryable: true }],
      ['nobody', { code: 'handler.failed', retryable: true }],
    ])('[N6] [B6] [L2] by @connect: refuses a ticket that is %s', async (ticket, refusal) => {
      const refused = await refusalOf(gateway.open({ auth: { ticket } }));
      expect(refused).toMatchObject(refusal);
      expect(JSON.stringify(refused)).not.toContain('hunter2');
    });

    it('[N6] [B6] by @refresh: lets a client stay, with new rights', async () => {
      const client = await gateway.connect({ auth: { ticket: 'short' } });
      await until('it is asked', () => asked.length === 2);
      expect(asked[1]).toMatchObject({
        type: 'refresh',
        user: 'ann',
        socketId: client.id,
        expiresAt: expect.stringMatching(/Z$/),
      });
      await until('the new rights are there', async () => {
        return (await client.request('room:join', { room: 'more' }))['ok'] === true;
      });
      expect(client.queue.pending('auth:expiring')).toBe(0);
      client.close();
    });

    it('[N6] [B6] by @join: allows what it names, and says no in its own words', async () => {
      const client = await gateway.connect({ auth: { ticket: 't' } });
      expect(await client.request('room:join', { room: 'chat:1' })).toMatchObject({
        ok: true,
        info: { topic: 'tea' },
      });
      expect(asked[1]).toMatchObject({
        type: 'join',
        room: 'chat:1',
        actions: ['join'],
        user: 'ann',
        socketId: client.id,
        rooms: ['staff'],
      });
      expect(await client.request('room:emit', { room: 'chat:1', event: 'say', args: ['hi'] })).toMatchObject(
        { ok: true },
      );
      expect(await client.request('room:members', { room: 'chat:1' })).toMatchObject({
        error: { code: 'access.denied' },
      });
      expect(await client.request('room:join', { room: 'chat:closed' })).toMatchObject({
        error: { code: 'app.closed', message: 'come back tomorrow', retryable: true },
      });
      expect(await client.request('room:join', { room: 'chat:odd' })).toMatchObject({
        error: { code: 'handler.failed' },
      });
      client.close();
    });
  });
}
