/** The gateway classes that both worlds have: a handler for everything that Nest lets one be. */
import {
  BadRequestException,
  Catch,
  createParamDecorator,
  Injectable,
  ParseIntPipe,
  Scope,
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
import {
  Ack,
  BaseWsExceptionFilter,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
} from '@nestjs/websockets';
import { concat, concatMap, defer, EMPTY, from, map, of, tap, throwError, type Observable } from 'rxjs';
import type { Namespace, Server, Socket } from 'socket.io';
import { diary, FENCE } from './nest-worlds.js';

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
  get length(): number {
    return Math.hypot(this.x, this.y);
  }
}

/** What a handler gives back, by name. */
export const RETURNS: Readonly<Record<string, () => unknown>> = {
  text: () => 'text',
  'empty text': () => '',
  number: () => 7,
  zero: () => 0,
  true: () => true,
  false: () => false,
  object: () => ({ a: 1, b: { c: [null] } }),
  list: () => [1, 'two', { three: 3 }],
  'empty list': () => [],
  'list of one': () => [1],
  instance: () => new Point(3, 4),
  date: () => new Date(0),
  'object with undefined': () => ({ a: undefined, b: 1 }),
  'object with an event that is empty': () => ({ event: '', data: 1 }),
  'object with an event that is null': () => ({ event: null, data: 1 }),
  nothing: () => undefined,
  null: () => null,
  'promise of text': () => Promise.resolve('later'),
  'promise of nothing': () => Promise.resolve(),
  'promise of null': () => Promise.resolve(null),
  'promise of false': () => Promise.resolve(false),
  'promise of a stream': () => Promise.resolve(of('streamed')),
  event: () => ({ event: 'reply', data: { n: 1 } }),
  'event without data': () => ({ event: 'reply' }),
  'event of a number': () => ({ event: 5, data: 'five' }),
  'promise of an event': () => Promise.resolve({ event: 'reply', data: [1, 2] }),
  'stream of one': () => of('one'),
  'stream of many': () => from(['first', 'second', 'third']),
  'stream of nothing': () => EMPTY,
  'stream of nulls': () => of(null, undefined),
  'stream of nulls and one': () => of(null, 'after null'),
  'stream of events': () => from([1, 2, 3]).pipe(map((data) => ({ event: 'tick', data }))),
  'stream of events and a value': () =>
    of({ event: 'tick', data: 1 }, 'the answer', { event: 'tick', data: 2 }),
  'slow stream': () => from([1, 2]).pipe(concatMap((n) => defer(async () => Promise.resolve(n)))),
  'stream that fails': () =>
    concat(
      of('before'),
      throwError(() => new WsException('broken')),
    ),
  'stream of an event that fails': () =>
    concat(
      of({ event: 'tick', data: 1 }),
      throwError(() => new WsException({ error: 'BROKEN' })),
    ),
};

/** What a handler throws, by name. */
export const THROWS: Readonly<Record<string, () => unknown>> = {
  error: () => new Error('secret'),
  text: () => 'thrown text',
  'ws text': () => new WsException('sold out'),
  'ws object': () => new WsException({ error: 'NOT_YOUR_TURN', details: [1, { two: 2 }] }),
  'ws list': () => new WsException(['a', 'b']),
  http: () => new BadRequestException(['a must be b']),
};

class Deny implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const ws = context.switchToWs();
    diary.push(
      `guard ${context.getType()} ${String(context.getHandler().name)} ${JSON.stringify(ws.getData())} ${ws.getPattern()}`,
    );
    return ws.getData<unknown>() !== 'denied';
  }
}

class DenyWithWords implements CanActivate {
  canActivate(): Promise<boolean> {
    return Promise.reject(new WsException({ status: 'denied', why: 'members only' }));
  }
}

class Double implements PipeTransform {
  transform(value: unknown, { type }: ArgumentMetadata): unknown {
    diary.push(`pipe ${type}`);
    return typeof value === 'number' ? value * 2 : value;
  }
}

class Wrap implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    diary.push(`before ${context.getHandler().name}`);
    return next.handle().pipe(
      tap(() => diary.push('after')),
      map((value: unknown) => ({ wrapped: value })),
    );
  }
}

class Short implements NestInterceptor {
  intercept(): Observable<unknown> {
    return of('from the cache');
  }
}

@Catch(WsException)
class OwnWords implements ExceptionFilter<WsException> {
  catch(exception: WsException, host: ArgumentsHost): void {
    const socket = host.switchToWs().getClient<Socket>();
    socket.emit('filtered', { message: exception.message, data: host.switchToWs().getData<unknown>() });
  }
}

@Catch()
class AnswersItself extends BaseWsExceptionFilter {
  override catch(_exception: unknown, host: ArgumentsHost): void {
    const acknowledge = host.getArgs<[unknown, unknown, unknown]>()[2];
    if (typeof acknowledge === 'function') (acknowledge as (answer: unknown) => void)({ failed: true });
    else host.switchToWs().getClient<Socket>().emit('failed', true);
  }
}

const Part = createParamDecorator((key: string, context: ExecutionContext): unknown => {
  const data = context.switchToWs().getData<Record<string, unknown> | undefined>();
  return data?.[key] ?? null;
});

@WebSocketGateway()
export class MainGateway implements OnGatewayInit<Server>, OnGatewayConnection, OnGatewayDisconnect {
  @WebSocketServer() server!: Server;

  afterInit(server: Server): void {
    diary.push(`afterInit ${typeof server.of} ${String(server === this.server)}`);
  }

  handleConnection(socket: Socket, ...rest: unknown[]): void {
    diary.push(`handleConnection ${String(socket.connected)} ${rest.length}`);
  }

  handleDisconnect(socket: Socket, reason: string): void {
    diary.push(`handleDisconnect ${String(socket.connected)} ${reason}`);
  }

  @SubscribeMessage(FENCE)
  fence(): string {
    return FENCE;
  }

  @SubscribeMessage('return')
  return(@MessageBody() what: string): unknown {
    return RETURNS[what]!();
  }

  @SubscribeMessage('throw')
  throw(@MessageBody() what: string): never {
    throw THROWS[what]!();
  }

  @SubscribeMessage('reject')
  async reject(@MessageBody() what: string): Promise<never> {
    await Promise.resolve();
    throw THROWS[what]!();
  }

  @SubscribeMessage('payload')
  payload(@MessageBody() ...body: unknown[]): unknown {
    return { body };
  }

  @SubscribeMessage('bare')
  bare(socket: Socket, data: unknown, ...rest: unknown[]): unknown {
    return { id: typeof socket.id, data, rest: rest.map((each) => typeof each) };
  }

  @SubscribeMessage('parts')
  parts(
    @ConnectedSocket() socket: Socket,
    @MessageBody('a') a: unknown,
    @MessageBody('b', ParseIntPipe) b: number,
    @Part('c') c: unknown,
  ): unknown {
    return { connected: socket.connected, a, b, c };
  }

  @SubscribeMessage('ack')
  ack(@MessageBody() value: unknown, @Ack() acknowledge?: (...args: unknown[]) => void): unknown {
    acknowledge?.('by hand', value);
    acknowledge?.('twice');
    return 'not this';
  }

  @SubscribeMessage('ack and event')
  ackAndEvent(@Ack() acknowledge?: (...args: unknown[]) => void): unknown {
    acknowledge?.('by hand');
    return { event: 'beside', data: 1 };
  }

  @SubscribeMessage('one of two')
  @SubscribeMessage('two of two')
  several(): string {
    return 'either';
  }

  @UseGuards(Deny)
  @SubscribeMessage('guarded')
  guarded(@MessageBody() value: unknown): unknown {
    return { passed: value };
  }

  @UseGuards(DenyWithWords)
  @SubscribeMessage('guarded with words')
  guardedWithWords(): string {
    return 'never';
  }

  @UsePipes(Double)
  @SubscribeMessage('piped')
  piped(@MessageBody() value: unknown): unknown {
    return { value };
  }

  @SubscribeMessage('piped parameter')
  pipedParameter(@MessageBody(Double, Double) value: unknown): unknown {
    return { value };
  }

  @UseInterceptors(Wrap)
  @SubscribeMessage('wrapped')
  wrapped(@MessageBody() what: string): unknown {
    return RETURNS[what]!();
  }

  @UseInterceptors(Short)
  @SubscribeMessage('short')
  short(): never {
    throw new Error('not reached');
  }

  @UseFilters(OwnWords)
  @SubscribeMessage('filtered')
  filtered(@MessageBody() what: string): never {
    throw THROWS[what]!();
  }

  @UseFilters(AnswersItself)
  @SubscribeMessage('answered by a filter')
  answeredByFilter(@MessageBody() what: string): never {
    throw THROWS[what]!();
  }

  @SubscribeMessage('say')
  say(@ConnectedSocket() socket: Socket, @MessageBody() text: string): string {
    void socket.join('talk');
    this.server.to('talk').emit('said', text);
    socket.broadcast.emit('not to me', text);
    socket.emit('to me', text, [1], null);
    return 'said';
  }

  @SubscribeMessage('ask back')
  async askBack(@ConnectedSocket() socket: Socket): Promise<unknown> {
    return { client: (await socket.timeout(5_000).emitWithAck('question', 1)) as unknown };
  }

  @SubscribeMessage('leave me')
  leave(@ConnectedSocket() socket: Socket): void {
    socket.disconnect();
  }
}

/** A second class on the same namespace, with everything around all of it. */
@WebSocketGateway()
@UseGuards(Deny)
@UseInterceptors(Wrap)
@UsePipes(new Double())
@UseFilters(OwnWords)
export class DressedGateway {
  @SubscribeMessage('dressed')
  dressed(@MessageBody() value: unknown): unknown {
    if (value === 'thrown') throw new WsException('from within');
    return { value };
  }
}

@Injectable({ scope: Scope.REQUEST })
export class Counter {
  count = 0;
}

@WebSocketGateway()
export class PerRequestGateway {
  constructor(private readonly counter: Counter) {}

  @SubscribeMessage('per request')
  perRequest(): unknown {
    return { count: ++this.counter.count };
  }
}

@WebSocketGateway({ namespace: 'chat' })
export class ChatGateway implements OnGatewayConnection {
  @WebSocketServer() namespace!: Namespace;

  handleConnection(socket: Socket): void {
    socket.emit('welcome', this.namespace.name, socket.nsp.name);
  }

  @SubscribeMessage(FENCE)
  fence(): string {
    return FENCE;
  }

  @SubscribeMessage('return')
  return(): string {
    return 'of chat';
  }
}

@WebSocketGateway({ namespace: /^\/game-\d+$/ })
export class GameGateway implements OnGatewayConnection {
  handleConnection(socket: Socket): void {
    socket.emit('welcome', socket.nsp.name);
  }

  @SubscribeMessage(FENCE)
  fence(): string {
    return FENCE;
  }

  @SubscribeMessage('return')
  return(@ConnectedSocket() socket: Socket): string {
    return socket.nsp.name;
  }
}

export const GATEWAYS = [MainGateway, DressedGateway, PerRequestGateway, Counter, ChatGateway, GameGateway];
