import {
  BadRequestException,
  Catch,
  Controller,
  Get,
  Inject,
  Injectable,
  Scope,
  UnauthorizedException,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
  type PipeTransform,
  type Provider,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, REQUEST } from '@nestjs/core';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Request, Response } from 'express';
import { map, type Observable } from 'rxjs';
import { OperationsModule, PlaygroundModule, SwitchboardApiModule } from 'switchboard-gateway';
import type { TestGateway } from 'switchboard-gateway/testing';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';

/** Written for HTTP, as most are: it looks at headers, which events have none of. */
@Injectable()
class SessionGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<Request>();
    if (headers['x-session'] !== 'valid') throw new UnauthorizedException('log in first');
    return true;
  }
}

/** With the request injected, which has Nest make everything around it anew for each request. */
@Injectable({ scope: Scope.REQUEST })
class RequestScopedGuard implements CanActivate {
  constructor(@Inject(REQUEST) private readonly request: Request) {}

  canActivate(): boolean {
    if (this.request.headers['x-session'] !== 'valid') throw new UnauthorizedException('log in first');
    return true;
  }
}

@Injectable()
class Envelope implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

/** What `ValidationPipe` with `forbidNonWhitelisted` does with fields that the app declares nowhere. */
@Injectable()
class ForbidUndeclared implements PipeTransform {
  transform(value: unknown): unknown {
    if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
      throw new BadRequestException(Object.keys(value).map((key) => `property ${key} should not exist`));
    }
    return value;
  }
}

@Catch()
class OwnFormat implements ExceptionFilter {
  catch(failure: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw failure;
    host.switchToHttp().getResponse<Response>().status(418).json({ own: 'format' });
  }
}

@Controller('own')
class OwnController {
  @Get()
  read(): string {
    return 'mine';
  }
}

@WebSocketGateway()
class OwnGateway {
  @SubscribeMessage('own')
  own(@MessageBody() value: unknown): object {
    return { got: value };
  }
}

const ENHANCERS = [
  ['guard', APP_GUARD, SessionGuard],
  ['request-scoped guard', APP_GUARD, RequestScopedGuard],
  ['interceptor', APP_INTERCEPTOR, Envelope],
  ['pipe', APP_PIPE, ForbidUndeclared],
  ['filter', APP_FILTER, OwnFormat],
] as const;

const byProvider = (name: string): Provider[] =>
  ENHANCERS.filter(([each]) => each === name || name === 'everything').map(([, provide, useClass]) => ({
    provide,
    useClass,
  }));

const byCall = (app: INestApplication): void => {
  app.useGlobalGuards(new SessionGuard());
  app.useGlobalInterceptors(new Envelope());
  app.useGlobalPipes(new ForbidUndeclared());
  app.useGlobalFilters(new OwnFormat());
};

const start = (providers: Provider[], more: object = {}): Promise<TestGateway> =>
  startEmbedding({
    imports: [SwitchboardApiModule, OperationsModule, PlaygroundModule],
    controllers: [OwnController],
    providers: [OwnGateway, ...providers],
    ...more,
  });

describe("what an app sets globally, beside the gateway's own", () => {
  afterEach(closeEmbeddings);

  async function expectUntouched(gateway: TestGateway): Promise<void> {
    const ann = await gateway.connect({ auth: { user: 'ann' } });
    expect(await ann.request('room:join', { room: 'lobby' })).toEqual({ ok: true, room: 'lobby' });
    expect(await ann.request('socket:info')).toMatchObject({ ok: true, user: 'ann', rooms: ['lobby'] });
    expect(await ann.request('room:join', { room: 'b l a n k' })).toMatchObject({
      error: { code: 'room.invalid' },
    });

    const emitted = await gateway.http('POST', '/v1/emit', { to: { rooms: ['lobby'] }, event: 'x', data: 1 });
    expect(emitted).toMatchObject({ status: 202, body: { matched: 1 } });
    expect(await ann.next('x')).toEqual([1]);
    expect((await gateway.http('GET', '/v1/users/ann')).body).toMatchObject({ user: 'ann', online: true });
    const refused = await gateway.http('POST', '/v1/emit', { to: {}, event: 'x' });
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused.body).toMatchObject({ status: 400, code: 'payload.invalid' });

    for (let again = 0; again < 2; again++) {
      expect(await gateway.http('GET', '/health/ready')).toMatchObject({
        status: 200,
        body: { status: 'ok' },
      });
      const metrics = await fetch(`${gateway.url}/metrics`);
      expect(metrics.status).toBe(200);
      expect(await metrics.text()).toContain('switchboard_sockets');
      expect((await fetch(`${gateway.url}/`)).headers.get('content-type')).toContain('text/html');
    }
  }

  it.each([...ENHANCERS.map(([name]) => name), 'everything'])(
    '[T2] a %s that is provided does not touch its requests and routes',
    async (name) => {
      await expectUntouched(await start(byProvider(name)));
    },
  );

  it.each(['first', 'before'] as const)(
    '[T2] guards, interceptors, pipes and filters set by call do not either (%s the set-up)',
    async (when) => {
      await expectUntouched(await start([], { [when]: byCall }));
    },
  );

  it("[T2] all of it goes on working for the app's own routes and handlers", async () => {
    const gateway = await start([
      ...byProvider('guard'),
      ...byProvider('interceptor'),
      ...byProvider('filter'),
    ]);
    expect((await gateway.http('GET', '/own')).body).toEqual({ own: 'format' });
    expect((await gateway.http('GET', '/own', undefined, { 'x-session': 'valid' })).body).toEqual({
      data: 'mine',
    });
    const client = await gateway.connect();
    expect(await client.request('own', 1)).toMatchObject({ ok: false });
  });
});
