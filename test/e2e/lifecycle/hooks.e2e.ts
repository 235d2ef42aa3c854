import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
} from '@nestjs/websockets';
import {
  OperationsModule,
  SwitchboardError,
  SwitchboardModule,
  identityOf,
  setupSwitchboard,
  type GatewaySocket,
} from 'switchboard-gateway';
import { startApp, type Answer, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt, expectUndisturbed } from '../../support/arrivals.js';
import { CollectingLogger } from '../../support/collecting-logger.js';

const VERSIONS = [2, 3, 4] as const;

/** Long enough for a hook that waits for its client, on a busy machine too. */
const HANDLER_TIMEOUT_MS = 2_000;

/** How many events {@link Chat} lets pile up before its hook ends. */
const PILE = 3;

/** An app's gateway whose hooks do what the user's name asks for; it writes down what happens in which order. */
@WebSocketGateway()
class Chat implements OnGatewayConnection, OnGatewayDisconnect {
  readonly diary: string[] = [];

  handleConnection(socket: GatewaySocket): void | Promise<void> {
    const { user } = identityOf(socket);
    this.diary.push(`${user}: hook begins`);
    switch (user.split('-')[0]) {
      case 'patient':
        return this.waitForPile(socket).then(() => void this.diary.push(`${user}: hook ends`));
      case 'throws':
        throw new Error('secret of the app');
      case 'rejects':
        return Promise.reject(new Error('secret of the app'));
      case 'refuses':
        throw new SwitchboardError('access.denied', { message: 'members only' });
      case 'hangs':
        return new Promise(() => {});
      case 'leaves':
        return new Promise((resolve) => {
          socket.on('disconnect', () => {
            this.diary.push(`${user}: hook ends`);
            resolve();
          });
        });
      default:
    }
  }

  handleDisconnect(socket: GatewaySocket): void {
    const { user } = identityOf(socket);
    this.diary.push(`${user}: goodbye`);
    if (user.startsWith('clumsy')) throw new Error('secret of the app');
  }

  @SubscribeMessage('say')
  say(@ConnectedSocket() socket: GatewaySocket, @MessageBody() text: string): { ok: true; text: string } {
    this.diary.push(`${identityOf(socket).user}: says ${text}`);
    return { ok: true, text };
  }

  @SubscribeMessage('break')
  break(@MessageBody() how: string): Promise<never> {
    const failure = new Error('secret of the app');
    if (how === 'throws') throw failure;
    return Promise.reject(failure);
  }

  of(user: string): string[] {
    return this.diary
      .filter((line) => line.startsWith(`${user}:`))
      .map((line) => line.slice(user.length + 2));
  }

  /** Until that many events of the client have reached the gateway. */
  private waitForPile(socket: GatewaySocket): Promise<void> {
    let seen = 0;
    return new Promise((resolve) => {
      socket.conn.on('packet', ({ type }: { type: string }) => {
        if (type === 'message' && ++seen === PILE) resolve();
      });
    });
  }
}

@Module({
  imports: [
    SwitchboardModule.forRoot({
      drainWindowMs: 100,
      clientsNameThemselves: true,
      handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    }),
    OperationsModule,
  ],
  providers: [Chat],
})
class ChatApp {}

describe('the hooks of an embedding app', () => {
  const logger = new CollectingLogger();
  let gateway: TestGateway;
  let chat: Chat;
  let bystander: TestClient;

  const errors = (): string[] =>
    logger.lines.filter(({ level }) => level === 'error').map(({ message }) => message);

  beforeAll(async () => {
    const app = await NestFactory.create(ChatApp, { logger, abortOnError: false });
    setupSwitchboard(app);
    gateway = await startApp(app);
    chat = app.get(Chat);
    bystander = await gateway.connect({ auth: { user: 'bystander' } });
  });
  afterEach(() => expectUndisturbed(bystander));
  afterAll(async () => {
    await gateway?.close();
  });

  it.each(VERSIONS)(
    '[L5] hold back the events of a v%s client until the connection hook is through',
    async (version) => {
      const user = `patient-${version}`;
      const client = gateway.open({ version, auth: { user } });
      await client.next('connect');
      const order: unknown[] = [];
      const ask = async (event: string, payload: unknown): Promise<Answer> => {
        const answer = await client.request(event, payload);
        order.push(payload);
        return answer;
      };
      const answers = await Promise.all([
        ask('say', 'one'),
        ask('room:join', { room: 'lobby' }),
        ask('say', 'two'),
      ]);
      expect(answers).toEqual([
        { ok: true, text: 'one' },
        { ok: true, room: 'lobby' },
        { ok: true, text: 'two' },
      ]);
      expect(order).toEqual(['one', { room: 'lobby' }, 'two']);
      expect(chat.of(user)).toEqual(['hook begins', 'hook ends', 'says one', 'says two']);
      client.close();
    },
  );

  it.each(['throws', 'rejects', 'hangs'])(
    '[L4] end that socket only when the connection hook %s; the failure is logged and counted once',
    async (wish) => {
      const user = `${wish}-0`;
      const failuresBefore = errors().length;
      const countedBefore = await counted(gateway, 'connection_hook');
      const client = gateway.open({ auth: { user } });
      await client.next('connect');
      client.emit('say', 'never heard');
      expect(await client.next('server:disconnect')).toEqual([
        { code: 'internal', message: 'something went wrong on the server', retryable: true },
      ]);
      expect((await client.next('disconnect'))[0]).toBe('transport close');
      await logger.until('a user disconnected', { user });
      expect(logger.find('a user disconnected', { user })).toMatchObject([
        { fields: { reason: 'internal' } },
      ]);
      expect(await gateway.registry.getUser(user)).toMatchObject({ online: false });
      expect(chat.of(user)).toEqual(['hook begins', 'goodbye']);
      expect(errors().slice(failuresBefore)).toEqual([
        expect.stringContaining(
          wish === 'hangs' ? `did not finish within ${HANDLER_TIMEOUT_MS} ms` : 'secret of the app',
        ),
      ]);
      expect(await counted(gateway, 'connection_hook')).toBe(countedBefore + 1);
    },
  );

  it('[L4] [L7] refuse for good when the connection hook throws a coded error', async () => {
    const failuresBefore = errors().length;
    const client = gateway.open({ auth: { user: 'refuses-0' } });
    expect(await client.next('server:disconnect')).toEqual([
      { code: 'access.denied', message: 'members only', retryable: false },
    ]);
    expect((await client.next('disconnect'))[0]).toBe('io server disconnect');
    expect(errors().slice(failuresBefore)).toEqual([]);
  });

  it('[L4] run the disconnect hook once, and after the connection hook, for a client that leaves meanwhile', async () => {
    const client = await gateway.connect({ auth: { user: 'leaves-0' } });
    client.emit('say', 'never heard');
    client.close();
    await logger.until('a user disconnected', { user: 'leaves-0' });
    expect(chat.of('leaves-0')).toEqual(['hook begins', 'hook ends', 'goodbye']);
    expect(logger.find('a user disconnected', { user: 'leaves-0' })).toHaveLength(1);
  });

  it('[L4] are contained when the disconnect hook throws', async () => {
    const failuresBefore = errors().length;
    const client = await gateway.connect({ auth: { user: 'clumsy-0' } });
    client.close();
    await logger.until('a user disconnected', { user: 'clumsy-0' });
    expect(chat.of('clumsy-0')).toEqual(['hook begins', 'goodbye']);
    expect(await gateway.registry.getUser('clumsy-0')).toMatchObject({ online: false });
    expect(errors().slice(failuresBefore)).toEqual([expect.stringContaining('secret of the app')]);
  });

  it.each(['throws', 'rejects'])(
    '[L4] [E3] answer with internal when a handler %s, and the socket stays',
    async (how) => {
      const countedBefore = await counted(gateway, 'handler');
      const client = await gateway.connect({ auth: { user: 'ada' } });
      expect(await client.request('break', how)).toEqual({
        ok: false,
        error: { code: 'internal', message: 'something went wrong on the server', retryable: true },
      });
      client.emit('break', how);
      expect(await client.next('exception')).toEqual([
        { code: 'internal', message: 'something went wrong on the server', retryable: true },
      ]);
      expect(await client.request('say', 'still here')).toEqual({ ok: true, text: 'still here' });
      expect(arrivedAt(client, 'disconnect')).toEqual([]);
      expect(await counted(gateway, 'handler')).toBe(countedBefore + 2);
      client.close();
    },
  );
});

/** The failures an operator sees at one place. */
async function counted(gateway: TestGateway, place: string): Promise<number> {
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  return Number(
    new RegExp(`^switchboard_failures_total\\{place="${place}"\\} (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0,
  );
}
