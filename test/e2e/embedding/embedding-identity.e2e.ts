import { Injectable, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayInit,
} from '@nestjs/websockets';
import type { Server, Socket } from 'socket.io';
import { identityOf, User, type GatewaySocket } from 'switchboard-gateway';
import type { TestClient } from 'switchboard-gateway/testing';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { breakOff, comeBack } from '../../support/recovering.js';
import { SECRET, sign } from '../../support/tokens.js';

@Injectable()
class LoggedIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { data } = context.switchToWs().getClient<Socket>();
    return (data as { user?: { id: number } }).user !== undefined;
  }
}

/** As many apps have it: a middleware puts the user into `client.data`, a guard asks for it. */
@WebSocketGateway()
class OwnLogin implements OnGatewayInit<Server> {
  afterInit(server: Server): void {
    server.use((socket, next) => {
      const { ticket } = socket.handshake.auth as { ticket?: string };
      if (ticket === 'of seven') (socket.data as { user?: unknown }).user = { id: 7, roles: ['staff'] };
      next();
    });
  }

  @SubscribeMessage('data')
  data(@ConnectedSocket() socket: GatewaySocket): unknown {
    return { ok: true, data: socket.data as unknown };
  }

  @SubscribeMessage('put')
  put(@ConnectedSocket() socket: GatewaySocket, @MessageBody() data: object): void {
    Object.assign(socket.data as object, data);
  }

  @SubscribeMessage('put what is no JSON')
  putCircle(@ConnectedSocket() socket: GatewaySocket): void {
    const data = socket.data as Record<string, unknown>;
    data['self'] = data;
  }

  @SubscribeMessage('join')
  join(@ConnectedSocket() socket: GatewaySocket, @MessageBody() room: string): Promise<void> | void {
    return socket.join(room);
  }

  @SubscribeMessage('who')
  who(@User() user: string, @ConnectedSocket() socket: GatewaySocket): unknown {
    return { ok: true, user, identity: identityOf(socket) };
  }

  @UseGuards(LoggedIn)
  @SubscribeMessage('secret')
  secret(): unknown {
    return { ok: true, secret: 42 };
  }
}

const providers = [OwnLogin, LoggedIn];
const RECOVERING = { recovery: true };

describe('who a socket is, and what an app keeps of it', () => {
  afterEach(closeEmbeddings);

  it('[T2] socket.data is empty at first, whoever the client is', async () => {
    const gateway = await startEmbedding({ providers });
    const client = await gateway.connect({ auth: { user: 'ann', info: { name: 'Ann' } } });
    expect(await client.request('data')).toEqual({ ok: true, data: {} });
  });

  it("[T2] a guard that asks for the app's own user lets in who logged in there, and nobody else", async () => {
    const gateway = await startEmbedding({ providers, options: { clientsNameThemselves: false } });
    const seven = await gateway.connect({ auth: { ticket: 'of seven' } });
    const admin = await gateway.connect({ auth: { user: 'admin', info: { role: 'admin' } } });
    expect(await seven.request('secret')).toEqual({ ok: true, secret: 42 });
    expect(await seven.request('data')).toEqual({ ok: true, data: { user: { id: 7, roles: ['staff'] } } });
    expect(await admin.request('secret')).toMatchObject({ ok: false, error: { code: 'access.denied' } });
  });

  it('[T2] auth.user names nobody in an app that does not say so', async () => {
    const gateway = await startEmbedding({ providers, options: { clientsNameThemselves: false } });
    const admin = await gateway.connect({ auth: { user: 'admin', info: { role: 'admin' } } });
    const { user, identity } = await admin.request('who');
    expect(user).not.toBe('admin');
    expect(identity).toEqual({ user, info: null });
    expect((await gateway.registry.getUser('admin')).online).toBe(false);
    expect(await gateway.broadcaster.toUsers('admin').emit('payroll')).toMatchObject({ matched: 0 });
  });

  it('[T2] identityOf and @User() tell who it is: the name that it gave itself, where the app says so', async () => {
    const gateway = await startEmbedding({ providers, options: { clientsNameThemselves: true } });
    const ann = await gateway.connect({ auth: { user: 'ann', info: { name: 'Ann' } } });
    const identity = { user: 'ann', info: { name: 'Ann' } };
    expect(await ann.request('who')).toEqual({ ok: true, user: 'ann', identity });
  });

  it('[T2] identityOf and @User() tell who its token says it is, whatever else it says', async () => {
    const options = { jwtSecret: SECRET, clientsNameThemselves: true };
    const gateway = await startEmbedding({ providers, options });
    const token = await sign({ sub: 'ann', info: { name: 'Ann' } });
    const ann = await gateway.connect({ auth: { token, user: 'admin' } });
    const identity = { user: 'ann', info: { name: 'Ann' } };
    expect(await ann.request('who')).toEqual({ ok: true, user: 'ann', identity });
  });

  it('identityOf says so for a socket that is none of the gateway', () => {
    expect(() => identityOf({ nsp: { name: '/' } } as GatewaySocket)).toThrow('did not pass the handshake');
  });

  describe('when a connection breaks and its client comes back', () => {
    const dataOf = async (client: TestClient): Promise<unknown> => (await client.request('data'))['data'];

    it('[T2] [H4] socket.data is what it was, before the middlewares of the app run', async () => {
      const gateway = await startEmbedding({ providers });
      const client = await gateway.connect({ auth: { ...RECOVERING, user: 'ann', ticket: 'of seven' } });
      await client.request('put', { score: 3, note: null, bytes: Buffer.from('ab'), $base64: 'mine' });
      await breakOff(gateway, client);
      (client.socket as unknown as { auth: object }).auth = { ...RECOVERING, user: 'ann' };
      expect(await comeBack(client)).toBe(true);
      expect(await dataOf(client)).toEqual({
        user: { id: 7, roles: ['staff'] },
        score: 3,
        note: null,
        bytes: Buffer.from('ab'),
        $base64: 'mine',
      });
    });

    it('[T2] [H4] socket.data is what it was also when the break was not noticed before', async () => {
      const gateway = await startEmbedding({ providers });
      const client = await gateway.connect({ auth: { ...RECOVERING, user: 'ann' } });
      await client.request('put', { score: 3 });
      await client.request('join', 'game');
      const again = gateway.open({ auth: { ...RECOVERING, user: 'ann', pid: pidOf(client) } });
      await again.next('connect');
      expect(again.id).toBe(client.id);
      expect(await dataOf(again)).toEqual({ score: 3 });
    });

    it('[T2] data that is no JSON costs no connection', async () => {
      const logger = new CollectingLogger();
      const gateway = await startEmbedding({ providers, logger });
      const client = await gateway.connect({ auth: { ...RECOVERING, user: 'ann' } });
      await client.request('put what is no JSON');
      await client.request('join', 'game');
      await breakOff(gateway, client);
      expect(await comeBack(client)).toBe(true);
      expect((await client.request('socket:info'))['rooms']).toEqual(['game']);
      expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
    });

    it('[T2] a client that comes without its session begins with nothing', async () => {
      const gateway = await startEmbedding({ providers });
      const client = await gateway.connect({ auth: { user: 'ann' } });
      await client.request('put', { score: 3 });
      await breakOff(gateway, client);
      await comeBack(client);
      expect(await dataOf(client)).toEqual({});
    });
  });
});

const pidOf = (client: TestClient): string => (client.socket as unknown as { _pid: string })._pid;
