import {
  Body,
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  NotFoundException,
  Param,
  Post,
  VersioningType,
  type INestApplication,
  type VersioningOptions,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { networkInterfaces } from 'node:os';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import {
  Broadcaster,
  ConfigError,
  OperationsModule,
  PlaygroundModule,
  setupSwitchboard,
  SocketRegistry,
  SwitchboardApiModule,
  SwitchboardModule,
  type SwitchboardAsyncOptions,
  type SwitchboardOptions,
} from 'switchboard-gateway';
import { createClient, startApp } from 'switchboard-gateway/testing';
import {
  closeEmbeddings,
  createEmbedding,
  startEmbedding,
  type EmbeddingOptions,
} from '../../support/embedding.js';
import { CollectingLogger } from '../../support/collecting-logger.js';

@WebSocketGateway()
class EchoGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() value: unknown): { ok: true; echoed: unknown } {
    return { ok: true, echoed: value };
  }
}

/** Joins as many rooms as it may and returns how many that were. */
async function roomsAllowed(gateway: Awaited<ReturnType<typeof startApp>>): Promise<number> {
  const client = await gateway.connect();
  let rooms = 0;
  while ((await client.request('room:join', { room: `room-${rooms}` })).ok) rooms++;
  return rooms;
}

describe('the module in an app of its own', () => {
  const environment = { ...process.env };
  afterEach(async () => {
    process.env = { ...environment };
    await closeEmbeddings();
  });

  describe('options', () => {
    it('[C2] takes what is given in camel case before the environment', async () => {
      process.env['SWITCHBOARD_MAX_ROOMS_PER_SOCKET'] = '5';
      const gateway = await startEmbedding({ options: { maxRoomsPerSocket: 2 } });
      expect(await roomsAllowed(gateway)).toBe(2);
    });

    it('[C1] takes what is not given from the environment', async () => {
      process.env['SWITCHBOARD_MAX_ROOMS_PER_SOCKET'] = '3';
      const gateway = await startEmbedding({ options: {} });
      expect(await roomsAllowed(gateway)).toBe(3);
    });

    it.each<[string, Pick<SwitchboardAsyncOptions, 'useFactory'>['useFactory']]>([
      ['at once', (settings: Settings) => ({ maxRoomsPerSocket: settings.rooms })],
      ['later', async (settings: Settings) => Promise.resolve({ maxRoomsPerSocket: settings.rooms })],
    ])('[C1] asks a factory that gives them %s for options', async (_when, useFactory) => {
      @Module({
        imports: [
          SwitchboardModule.forRootAsync({ imports: [SettingsModule], inject: [Settings], useFactory }),
        ],
      })
      class AsyncModule {}
      const app = await NestFactory.create(AsyncModule, { logger: false, abortOnError: false });
      setupSwitchboard(app);
      const gateway = await startApp(app);
      expect(await roomsAllowed(gateway)).toBe(4);
      await gateway.close();
    });

    it.each<[string, SwitchboardOptions]>([
      ['pingIntervalMs', { pingIntervalMs: -1 }],
      ['maxRooms', { maxRooms: 1 } as SwitchboardOptions],
    ])('[C2] stops the start when %s is wrong, and names it', async (name, options) => {
      const failure: unknown = await createEmbedding({ options }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(ConfigError);
      expect((failure as ConfigError).lines).toEqual([expect.stringContaining(name)]);
    });

    it('[C2] never shows a secret in that error', async () => {
      const failure: unknown = await createEmbedding({ options: { jwtSecret: 'brief!' } }).catch(
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(ConfigError);
      expect((failure as ConfigError).message).toContain('jwtSecret');
      expect((failure as ConfigError).message).not.toContain('brief!');
    });
  });

  it('says what to do when setupSwitchboard was forgotten', async () => {
    const app = await NestFactory.create(SwitchboardModule.forRoot(), { logger: false, abortOnError: false });
    await expect(app.listen(0, '127.0.0.1')).rejects.toThrow('call setupSwitchboard(app) before listen()');
    await app.close();
  });

  describe('beside the routes of the app', () => {
    it('leaves every path to the app, /v1 too, with its body parser and error format', async () => {
      const gateway = await startEmbedding({ controllers: [NotesController] });
      const url = `${gateway.url}/v1/notes`;

      const form = await fetch(url, { method: 'POST', body: new URLSearchParams({ text: 'a' }) });
      expect(await form.json()).toEqual({ saved: { text: 'a' } });
      const missing = await gateway.http('GET', '/v1/notes/7');
      expect(missing.body).toEqual({ statusCode: 404, error: 'Not Found', message: 'no note 7' });
      const broken = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{',
      });
      expect(await broken.json()).toMatchObject({ statusCode: 400, error: 'Bad Request' });
    });

    it.each(['/v1/stats', '/health/live', '/metrics', '/', '/docs'])(
      'does not add %s unless its module is imported',
      async (path) => {
        const gateway = await startEmbedding({});
        expect((await gateway.http('GET', path)).body).toMatchObject({ statusCode: 404 });
      },
    );

    it('[E2] adds the API, with problem documents, when SwitchboardApiModule is imported', async () => {
      const gateway = await startEmbedding({ imports: [SwitchboardApiModule] });
      await gateway.connect();
      expect((await gateway.http('GET', '/v1/stats')).body).toMatchObject({ sockets: 1 });
      const refused = await gateway.http('POST', '/v1/emit', { to: {}, event: 'x' });
      expect(refused.status).toBe(400);
      expect(refused.headers.get('content-type')).toContain('application/problem+json');
      expect(refused.body).toMatchObject({ code: 'payload.invalid' });
    });
  });

  describe('beside the routes of an app with a global prefix', () => {
    const imports = [SwitchboardApiModule, OperationsModule, PlaygroundModule];
    const prefix = (app: INestApplication): unknown => app.setGlobalPrefix('api');
    const prefixWithExceptions = (app: INestApplication): unknown =>
      app.setGlobalPrefix('api', { exclude: ['v1/notes'] });

    const paths = ['/v1/stats', '/health/live', '/metrics', '/', '/playground/main.js'];

    it.each<[string, Omit<EmbeddingOptions, 'imports'>]>([
      ['before the set-up', { first: prefix }],
      ['after it', { before: prefix }],
      ['with exceptions, before it', { first: prefixWithExceptions }],
      ['with exceptions, after it', { before: prefixWithExceptions }],
    ])('[C5] stays where it was when that is set %s', async (_when, options) => {
      const gateway = await startEmbedding({ imports, ...options });
      for (const path of paths) {
        expect((await fetch(`${gateway.url}${path}`)).status).toBe(200);
        expect((await fetch(`${gateway.url}/api${path}`)).status).toBe(404);
      }
    });

    it('[C5] leaves the prefix and its exceptions to the app, under /v1/ too', async () => {
      const gateway = await startEmbedding({
        imports,
        controllers: [NotesController, OwnUsersController],
        before: prefixWithExceptions,
      });
      expect((await gateway.http('POST', '/v1/notes', { text: 'a' })).body).toEqual({ saved: { text: 'a' } });
      expect((await gateway.http('GET', '/api/v1/notes/7')).body).toMatchObject({ message: 'no note 7' });
      expect((await gateway.http('GET', '/api/v1/users/me')).body).toEqual({ me: true });
      expect((await gateway.http('GET', '/v1/users/me')).body).toMatchObject({ user: 'me', online: false });
    });

    it('[E2] [Q1] has its limits of bodies and its problem documents', async () => {
      const gateway = await startEmbedding({ imports, before: prefix });
      const post = (path: string, body: string): Promise<Response> =>
        fetch(`${gateway.url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        });
      const emit = { to: { all: true }, event: 'x', data: 'y'.repeat(90_000) };
      const tooLarge = JSON.stringify({ ...emit, args: ['y'.repeat(90_000)] });
      for (const [body, code] of [
        ['{', 'payload.invalid'],
        [tooLarge, 'payload.too_large'],
      ] as const) {
        const refusal = await post('/v1/emit', body);
        expect(refusal.headers.get('content-type')).toContain('application/problem+json');
        expect(await refusal.json()).toMatchObject({ code });
      }
      const batch = await post('/v1/batch', JSON.stringify({ commands: [{ emit }, { emit }] }));
      expect(await batch.json()).toMatchObject({ results: [{ ok: true }, { ok: true }] });
    });
  });

  it.each<[string, VersioningOptions]>([
    ['in the path', { type: VersioningType.URI, defaultVersion: '1' }],
    ['in a header', { type: VersioningType.HEADER, header: 'X-Version', defaultVersion: '1' }],
  ])('[C5] has routes without a version in an app with versions %s', async (_where, versioning) => {
    const gateway = await startEmbedding({
      imports: [SwitchboardApiModule, OperationsModule, PlaygroundModule],
      before: (app) => app.enableVersioning(versioning),
    });
    for (const path of ['/v1/stats', '/health/live', '/metrics', '/']) {
      expect((await fetch(`${gateway.url}${path}`)).status).toBe(200);
    }
  });

  it('[R1] [D1] gives any service of the app the registry and the broadcaster', async () => {
    const gateway = await startEmbedding({ providers: [EchoGateway, Greeter] });
    const ann = await gateway.connect({ auth: { user: 'ann' } });
    expect(await gateway.app.get(Greeter).greet('ann')).toEqual({ online: true, matched: 1 });
    expect(await ann.next('greeting')).toEqual(['hello', 'ann']);
    expect(await gateway.app.get(Greeter).greet('ben')).toEqual({ online: false, matched: 0 });
    expect(await ann.request('echo', 1)).toEqual({ ok: true, echoed: 1 });
  });

  it('[D3] refuses what is no JSON before anything is sent', async () => {
    const gateway = await startEmbedding({});
    const client = await gateway.connect();
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const value of [circular, 1n, { n: [1n] }]) {
      const refused = expect.objectContaining({ code: 'payload.invalid' });
      await expect(gateway.broadcaster.toAll().emit('x', value)).rejects.toEqual(refused);
    }
    await client.settled();
    expect(client.queue.pending('x')).toBe(0);
  });

  it('[D2] logs a refused publication that nobody awaits, and goes on', async () => {
    const logger = new CollectingLogger();
    const gateway = await startEmbedding({ logger });
    const client = await gateway.connect();
    void gateway.broadcaster.toAll().emit('room:bad');
    void gateway.broadcaster.toAll().emitWithAck('ask', { timeoutMs: 0 });
    await client.settled();
    expect(logger.find('publication refused').map(({ level }) => level)).toEqual(['warn', 'warn']);
    expect(client.queue.pending('room:bad')).toBe(0);
  });

  const otherAddress = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

  (otherAddress ? it : it.skip)('[C4] refuses whoever is not on loopback in open mode', async () => {
    const app = await createEmbedding({});
    await app.listen(0, '0.0.0.0');
    const { port } = (app.getHttpServer() as Server).address() as AddressInfo;

    for (const transport of ['websocket', 'polling'] as const) {
      const stranger = createClient(`http://${otherAddress}:${port}`, { transport });
      expect(await stranger.next('connect_error')).toHaveLength(1);
      stranger.close();
    }
    const local = createClient(`http://127.0.0.1:${port}`);
    await local.next('connect');
    local.close();
    await app.close();
  });
});

@Injectable()
class Settings {
  readonly rooms = 4;
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Controller('v1/notes')
class NotesController {
  @Post()
  save(@Body() body: unknown): unknown {
    return { saved: body };
  }

  @Get(':id')
  read(@Param('id') id: string): never {
    throw new NotFoundException(`no note ${id}`);
  }
}

@Controller('v1/users')
class OwnUsersController {
  @Get('me')
  me(): unknown {
    return { me: true };
  }
}

@Injectable()
class Greeter {
  constructor(
    @Inject(SocketRegistry) private readonly registry: SocketRegistry,
    private readonly broadcaster: Broadcaster<{ greeting: (text: string, to: string) => void }>,
  ) {}

  async greet(user: string): Promise<{ online: boolean; matched: number }> {
    const { online } = await this.registry.getUser(user);
    const { matched } = await this.broadcaster.toUsers(user).emit('greeting', 'hello', user);
    return { online, matched };
  }
}
