import {
  BadRequestException,
  Catch,
  createParamDecorator,
  ForbiddenException,
  Injectable,
  Module,
  StandardSchemaValidationPipe,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type ArgumentMetadata,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  Ack,
  BaseWsExceptionFilter,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
  type WsResponse,
} from '@nestjs/websockets';
import { EventEmitter, once } from 'node:events';
import { concat, concatWith, from, map, NEVER, Observable, of, throwError } from 'rxjs';
import { identityOf, SwitchboardError, type GatewaySocket } from 'switchboard-gateway';
import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { z } from 'zod';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { closeEmbeddings, counted, startEmbedding } from '../../support/embedding.js';

/** What must never come back to a client. */
const SECRET = 'hunter2';

/** Lets tests decide when a slow handler ends. */
const gate = new EventEmitter();

class Refuse implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

class RefuseWithReason implements CanActivate {
  async canActivate(): Promise<boolean> {
    throw new ForbiddenException('staff only');
  }
}

class NumberPipe implements PipeTransform<unknown, number> {
  transform(value: unknown, _metadata: ArgumentMetadata): number {
    const number = Number(value);
    if (Number.isNaN(number)) throw new BadRequestException(['n must be a number', 'n is required']);
    return number;
  }
}

class WrapAnswer implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((value: unknown) => ({ ok: true, wrapped: value ?? null })));
  }
}

const Shout = createParamDecorator((mark: string, context: ExecutionContext) =>
  `${context.switchToWs().getData<{ city: string }>().city}${mark}`.toUpperCase(),
);

class TeapotError extends Error {}

/** Tells the client in its own way, which must not cost it the acknowledgement. */
@Catch(TeapotError)
class TeapotFilter implements ExceptionFilter<TeapotError> {
  catch(_error: TeapotError, host: ArgumentsHost): void {
    host.switchToWs().getClient<GatewaySocket>().emit('teapot', { short: true });
  }
}

@Catch(TeapotError)
class SlowTeapotFilter implements ExceptionFilter<TeapotError> {
  async catch(_error: TeapotError, host: ArgumentsHost): Promise<void> {
    await Promise.resolve();
    host.switchToWs().getClient<GatewaySocket>().emit('teapot', { slow: true });
    throw new WsException('no coffee here');
  }
}

@WebSocketGateway()
class ShowcaseGateway {
  unsubscribed = 0;

  @SubscribeMessage('guarded')
  @UseGuards(Refuse)
  guarded(): string {
    return 'never';
  }

  @SubscribeMessage('guarded-with-reason')
  @UseGuards(RefuseWithReason)
  guardedWithReason(): string {
    return 'never';
  }

  @SubscribeMessage('double')
  double(@MessageBody(NumberPipe) n: number): { doubled: number } {
    return { doubled: n * 2 };
  }

  @SubscribeMessage('schema')
  @UsePipes(new StandardSchemaValidationPipe())
  schema(@MessageBody({ schema: z.object({ n: z.coerce.number() }) }) { n }: { n: number }): { n: number } {
    return { n };
  }

  @SubscribeMessage('wrapped')
  @UseInterceptors(WrapAnswer)
  async wrapped(): Promise<string> {
    return Promise.resolve('inside');
  }

  @SubscribeMessage('wrapped-nothing')
  @UseInterceptors(WrapAnswer)
  wrappedNothing(): void {}

  @SubscribeMessage('key')
  key(
    @ConnectedSocket() socket: GatewaySocket,
    @MessageBody('city') city: string,
    @Shout('!') loud: string,
  ): object {
    return { user: identityOf(socket).user, city, loud };
  }

  @SubscribeMessage('manual')
  manual(@MessageBody() text: string, @Ack() acknowledge: (...args: unknown[]) => void): void {
    acknowledge({ got: text });
    acknowledge({ got: 'twice' });
  }

  @SubscribeMessage('manual-forgotten')
  forgotten(@Ack() _acknowledge: () => void): void {}

  @SubscribeMessage('reply-event')
  replyEvent(): WsResponse<number> {
    return { event: 'reply-event', data: 7 };
  }

  @SubscribeMessage('nothing')
  nothing(): void {}

  @SubscribeMessage('many')
  many(): Observable<WsResponse<number>> {
    return from([1, 2, 3]).pipe(map((data) => ({ event: 'many', data })));
  }

  @SubscribeMessage('breaks')
  breaks(): Observable<WsResponse<number>> {
    return concat(
      of({ event: 'breaks', data: 1 }),
      throwError(() => new Error(SECRET)),
    );
  }

  @SubscribeMessage('endless')
  endless(@MessageBody('first') first?: number): Observable<WsResponse<number>> {
    const values =
      first === undefined ? NEVER : of({ event: 'endless', data: first }).pipe(concatWith(NEVER));
    return new Observable((observer) => {
      const subscription = values.subscribe(observer);
      return () => {
        subscription.unsubscribe();
        this.unsubscribed++;
        gate.emit('unsubscribed');
      };
    });
  }

  @SubscribeMessage('slow')
  async slow(): Promise<{ slow: true }> {
    await once(gate, 'open');
    return { slow: true };
  }

  @SubscribeMessage('fast')
  fast(): { fast: true } {
    return { fast: true };
  }

  @SubscribeMessage('open-gate')
  openGate(): void {
    gate.emit('open');
  }

  @SubscribeMessage('fails')
  fails(@MessageBody('how') how: string): void {
    switch (how) {
      case 'ws':
        throw new WsException('sold out');
      case 'coded':
        throw new SwitchboardError('limit.rate', { retryAfterMs: 5 });
      case 'http 400':
        throw new BadRequestException('bad dates');
      case 'http 403':
        throw new ForbiddenException();
      case 'circular': {
        const circular: Record<string, unknown> = {};
        circular['self'] = circular;
        throw Object.assign(new Error(SECRET), { circular });
      }
      default:
        throw new Error(`the password is ${SECRET}`);
    }
  }

  @SubscribeMessage('teapot')
  @UseFilters(TeapotFilter)
  teapot(): never {
    throw new TeapotError(SECRET);
  }

  @SubscribeMessage('slow-teapot')
  @UseFilters(SlowTeapotFilter)
  slowTeapot(): never {
    throw new TeapotError(SECRET);
  }

  @SubscribeMessage('base-filter')
  @UseFilters(BaseWsExceptionFilter)
  baseFilter(): never {
    throw new WsException('as Nest says it');
  }
}

@WebSocketGateway()
@UseGuards(Refuse)
class ClosedGateway {
  @SubscribeMessage('closed')
  closed(): string {
    return 'never';
  }
}

const refusal = (code: string, message?: string): object => ({
  ok: false,
  error: expect.objectContaining(message === undefined ? { code } : { code, message }),
});

describe('the handlers of an app of its own', () => {
  let gateway: TestGateway;
  let client: TestClient;
  let logger: CollectingLogger;

  beforeEach(async () => {
    logger = new CollectingLogger();
    gateway = await startEmbedding({
      logger,
      options: { handlerTimeoutMs: 1_000 },
      providers: [ShowcaseGateway, ClosedGateway],
    });
    client = await gateway.connect({ auth: { user: 'ann' } });
  });
  afterEach(closeEmbeddings);

  describe('guards', () => {
    it.each(['guarded', 'closed'])('[M1] answer access.denied for %s', async (event) => {
      expect(await client.request(event)).toEqual(refusal('access.denied', 'not allowed'));
      client.emit(event, SECRET);
      const [exception] = await client.next('exception');
      expect(exception).toMatchObject({ code: 'access.denied', retryable: false });
      expect(JSON.stringify(exception)).not.toContain(SECRET);
    });

    it('[M1] give their own text when they throw one', async () => {
      expect(await client.request('guarded-with-reason')).toEqual(refusal('access.denied', 'staff only'));
    });
  });

  describe('pipes', () => {
    it('[M1] transform the payload, and answer payload.invalid with their texts', async () => {
      expect(await client.request('double', '4')).toEqual({ doubled: 8 });
      expect(await client.request('double', SECRET)).toEqual(
        refusal('payload.invalid', 'n must be a number; n is required'),
      );
    });

    it('[M1] of Nest check a Standard Schema', async () => {
      expect(await client.request('schema', { n: '4' })).toEqual({ n: 4 });
      const refused = await client.request('schema', { n: SECRET });
      expect(refused).toEqual(refusal('payload.invalid'));
      expect(refused.error?.message).toContain('n:');
      expect(JSON.stringify(refused)).not.toContain(SECRET);
    });
  });

  it('[M1] pass their answer through interceptors', async () => {
    expect(await client.request('wrapped')).toEqual({ ok: true, wrapped: 'inside' });
    expect(await client.request('wrapped-nothing')).toEqual({ ok: true, wrapped: null });
  });

  it('get the parts of a payload, the socket, and what custom decorators make', async () => {
    expect(await client.request('key', { city: 'Rome' })).toEqual({
      user: 'ann',
      city: 'Rome',
      loud: 'ROME!',
    });
  });

  describe('that take @Ack()', () => {
    it('[M1] answer by themselves, once', async () => {
      expect(await client.request('manual', 'x')).toEqual({ got: 'x' });
      expect(await client.request('fast')).toEqual({ fast: true });
    });

    it('[M1] and never call it are answered internal when their time is up', async () => {
      expect(await client.request('manual-forgotten')).toEqual(refusal('internal'));
      expect(await counted(gateway, 'failures_total', { place: 'handler' })).toBe(1);
    });
  });

  it('[M1] that return {event, data} emit it and acknowledge', async () => {
    expect(await client.request('reply-event')).toEqual({ ok: true });
    expect(await client.next('reply-event')).toEqual([7]);
  });

  it('[M1] that return nothing acknowledge', async () => {
    expect(await client.request('nothing')).toEqual({ ok: true });
  });

  describe('that fail', () => {
    it.each([
      ['ws', 'request.refused', 'sold out'],
      ['coded', 'limit.rate', 'too many events'],
      ['http 400', 'payload.invalid', 'bad dates'],
      ['http 403', 'access.denied', 'Forbidden'],
      ['unknown', 'internal', 'something went wrong on the server'],
      ['circular', 'internal', 'something went wrong on the server'],
    ])('[E3] with %s are answered %s: %s', async (how, code, message) => {
      expect(await client.request('fails', { how })).toEqual(refusal(code, message));
      client.emit('fails', { how, note: SECRET });
      const [exception] = await client.next('exception');
      expect(exception).toMatchObject({ code, message });
      expect(JSON.stringify(exception)).not.toContain(SECRET);
      expect(Object.keys(exception as object).sort()).toEqual(
        how === 'coded' ? ['code', 'message', 'retryAfterMs', 'retryable'] : ['code', 'message', 'retryable'],
      );
    });

    it('[L4] with an unknown error are logged once and counted, and the socket goes on', async () => {
      await client.request('fails', { how: 'unknown' });
      expect(logger.lines.filter(({ message }) => message.includes(SECRET))).toHaveLength(1);
      expect(await counted(gateway, 'failures_total', { place: 'handler' })).toBe(1);
      expect(await client.request('fast')).toEqual({ fast: true });
    });
  });

  describe('with an exception filter', () => {
    it('[M1] let it emit, and are acknowledged all the same', async () => {
      expect(await client.request('teapot')).toEqual(refusal('internal'));
      expect(await client.next('teapot')).toEqual([{ short: true }]);
    });

    it('[M1] leave it to the filter to tell a client that wants no acknowledgement', async () => {
      client.emit('teapot');
      expect(await client.next('teapot')).toEqual([{ short: true }]);
      await client.settled();
      expect(client.queue.pending('exception')).toBe(0);
    });

    it('[M1] wait for an asynchronous one, and answer what it throws', async () => {
      expect(await client.request('slow-teapot')).toEqual(refusal('request.refused', 'no coffee here'));
      expect(await client.next('teapot')).toEqual([{ slow: true }]);
    });

    it('[M1] can use the one of Nest', async () => {
      expect(await client.request('base-filter')).toEqual(refusal('request.refused', 'as Nest says it'));
      expect(await client.next('exception')).toEqual([
        expect.objectContaining({ message: 'as Nest says it' }),
      ]);
    });
  });

  describe('that return a stream', () => {
    it('[M1] emit every value and acknowledge its end', async () => {
      expect(await client.request('many')).toEqual({ ok: true });
      for (const value of [1, 2, 3]) expect(await client.next('many')).toEqual([value]);
    });

    it('[E3] answer an error in the middle, after the values before it', async () => {
      const answered = await client.request('breaks');
      expect(answered).toEqual(refusal('internal'));
      expect(JSON.stringify(answered)).not.toContain(SECRET);
      expect(await client.next('breaks')).toEqual([1]);
    });

    it.each([
      ['has given a value', { first: 1 }],
      ['gives nothing', {}],
    ])('let the next event pass while one that %s goes on, until the socket goes', async (_case, payload) => {
      const ended = once(gate, 'unsubscribed');
      client.emit('endless', payload);
      expect(await client.request('fast')).toEqual({ fast: true });
      expect(gateway.app.get(ShowcaseGateway).unsubscribed).toBe(0);
      client.close();
      await ended;
      expect(gateway.app.get(ShowcaseGateway).unsubscribed).toBe(1);
    });
  });

  it('answer one socket in the order it asked, and do not hold up another', async () => {
    const order: string[] = [];
    const note = (name: string) => (): unknown => order.push(name);
    const slow = client.request('slow').then(note('slow'));
    const fast = client.request('fast').then(note('fast'));
    const other = await gateway.connect();
    expect(await other.request('open-gate')).toEqual({ ok: true });
    await Promise.all([slow, fast]);
    expect(order).toEqual(['slow', 'fast']);
  });
});

describe('what an app sets up for all its handlers', () => {
  afterEach(closeEmbeddings);

  @WebSocketGateway()
  class PlainGateway {
    @SubscribeMessage('plain')
    plain(@MessageBody() value: unknown): { value: unknown } {
      return { value };
    }
  }

  /** Tells WebSocket from HTTP, as an app with both has to. */
  @Injectable()
  class NoGuests implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      if (context.getType() !== 'ws') return true;
      return identityOf(context.switchToWs().getClient<GatewaySocket>()).user !== 'guest';
    }
  }

  it('reaches its gateways when set with app.useGlobal…', async () => {
    const double: PipeTransform = {
      transform: (value: unknown, { type }) =>
        type === 'body' && typeof value === 'number' ? value * 2 : value,
    };
    const gateway = await startEmbedding({
      providers: [PlainGateway],
      before: (app) => {
        app.useGlobalGuards(new NoGuests());
        app.useGlobalPipes(double);
        app.useGlobalInterceptors(new WrapAnswer());
      },
    });
    const ann = await gateway.connect({ auth: { user: 'ann' } });
    expect(await ann.request('plain', 2)).toEqual({ ok: true, wrapped: { value: 4 } });
    const guest = await gateway.connect({ auth: { user: 'guest' } });
    expect(await guest.request('plain', 2)).toEqual(refusal('access.denied'));
  });

  it('reaches its gateways when provided as APP_GUARD', async () => {
    @Module({ providers: [{ provide: APP_GUARD, useClass: NoGuests }] })
    class GuardModule {}
    const gateway = await startEmbedding({ providers: [PlainGateway], imports: [GuardModule] });
    const guest = await gateway.connect({ auth: { user: 'guest' } });
    expect(await guest.request('plain', 2)).toEqual(refusal('access.denied'));
    const ann = await gateway.connect({ auth: { user: 'ann' } });
    expect(await ann.request('plain', 2)).toEqual({ value: 2 });
  });
});
