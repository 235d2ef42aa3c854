import { Injectable, Scope } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
  type OnGatewayConnection,
  type OnGatewayInit,
} from '@nestjs/websockets';
import type { Namespace, Server } from 'socket.io';
import { identityOf, type GatewaySocket } from 'switchboard-gateway';
import { createClient } from 'switchboard-gateway/testing';
import { closeEmbeddings, createEmbedding, startEmbedding } from '../../support/embedding.js';
import { freePort } from '../../support/free-port.js';

/** An answer that says which class gave it, and for which namespace. */
const answer = (by: string, socket: GatewaySocket): object => ({ ok: true, by, namespace: socket.nsp.name });

@WebSocketGateway()
class FirstGateway {
  @SubscribeMessage('first')
  first(@ConnectedSocket() socket: GatewaySocket): object {
    return answer('first', socket);
  }
}

@WebSocketGateway()
class SecondGateway {
  @SubscribeMessage('second')
  second(@ConnectedSocket() socket: GatewaySocket): object {
    return answer('second', socket);
  }
}

@WebSocketGateway()
class RivalGateway {
  @SubscribeMessage('first')
  rival(): void {}
}

@WebSocketGateway()
class UsurperGateway {
  @SubscribeMessage('room:join')
  join(): void {}
}

@WebSocketGateway({ namespace: 'admin' })
class AdminGateway {
  @WebSocketServer() namespace!: Namespace;

  @SubscribeMessage('first')
  first(@ConnectedSocket() socket: GatewaySocket): object {
    return answer('admin', socket);
  }
}

@WebSocketGateway({ namespace: /^\/tenant-\d+$/ })
class TenantGateway implements OnGatewayConnection {
  async handleConnection(socket: GatewaySocket): Promise<void> {
    await socket.join('tenants');
  }

  @SubscribeMessage('first')
  first(@ConnectedSocket() socket: GatewaySocket): object {
    return answer('tenant', socket);
  }
}

const startAll = () =>
  startEmbedding({ providers: [FirstGateway, SecondGateway, AdminGateway, TenantGateway] });

describe('several gateway classes in an app of its own', () => {
  afterEach(closeEmbeddings);

  it('share a namespace when their events differ', async () => {
    const client = await (await startAll()).connect();
    expect(await client.request('first')).toEqual({ ok: true, by: 'first', namespace: '/' });
    expect(await client.request('second')).toEqual({ ok: true, by: 'second', namespace: '/' });
  });

  it.each([
    [
      [FirstGateway, RivalGateway],
      /FirstGateway\.first and RivalGateway\.rival both handle "first" on .*"\/"/,
    ],
    [[UsurperGateway], /(?=.*SwitchboardGateway\.join)(?=.*UsurperGateway\.join).* both handle "room:join"/],
  ])('stop the start when they claim one event, naming both (%#)', async (providers, message) => {
    const app = await createEmbedding({ providers });
    await expect(app.listen(0, '127.0.0.1')).rejects.toThrow(message);
    await app.close();
  });

  it.each([2, 3, 4] as const)(
    '[L1] serve namespaces by name and by pattern to %i.x clients',
    async (version) => {
      const gateway = await startAll();
      const admin = await gateway.connect({ version, namespace: '/admin' });
      expect(await admin.request('first')).toEqual({ ok: true, by: 'admin', namespace: '/admin' });
      expect(await admin.request('second')).toMatchObject({ error: { code: 'event.unknown' } });
      const tenant = await gateway.connect({ version, namespace: '/tenant-7' });
      expect(await tenant.request('first')).toEqual({ ok: true, by: 'tenant', namespace: '/tenant-7' });
    },
  );

  it('[M1] have the requests of the gateway on the default namespace only, or their own', async () => {
    @WebSocketGateway({ namespace: 'admin' })
    class OwnInfoGateway {
      @SubscribeMessage('socket:info')
      info(@ConnectedSocket() socket: GatewaySocket): object {
        return answer('own info', socket);
      }
    }
    const gateway = await startEmbedding({ providers: [AdminGateway, OwnInfoGateway, TenantGateway] });
    const tenant = await gateway.connect({ namespace: '/tenant-7' });
    for (const event of ['room:join', 'room:leave', 'room:emit', 'socket:info', 'auth:refresh']) {
      expect(await tenant.request(event, { room: 'a' })).toMatchObject({ error: { code: 'event.reserved' } });
    }
    const admin = await gateway.connect({ namespace: '/admin' });
    expect(await admin.request('socket:info')).toMatchObject({ by: 'own info' });
  });

  it.each([2, 3, 4] as const)(
    '[L2] refuse a namespace that nobody serves, to %i.x clients, with a code',
    async (version) => {
      const client = (await startAll()).open({ version, namespace: '/tenant-x' });
      const refusal = { code: 'namespace.unknown', message: 'Invalid namespace', retryable: false };
      if (version === 2) {
        expect(await client.next('error')).toEqual([expect.objectContaining(refusal)]);
      } else {
        const [error] = (await client.next('connect_error')) as [Error & { data?: unknown }];
        expect(error).toMatchObject({ message: 'Invalid namespace', data: refusal });
        expect(error.data).toEqual(refusal);
      }
    },
  );

  it('[R2] [D1] are all in the registry and in reach of the broadcaster', async () => {
    const gateway = await startAll();
    const auth = { user: 'ann' };
    const clients = await Promise.all(
      ['/', '/admin', '/tenant-1', '/tenant-2'].map((namespace) => gateway.connect({ namespace, auth })),
    );

    const { sockets } = await gateway.registry.getUser('ann');
    expect(sockets.map(({ namespace }) => namespace).sort()).toEqual([
      '/',
      '/admin',
      '/tenant-1',
      '/tenant-2',
    ]);
    expect(await gateway.registry.getRoom('tenants')).toMatchObject({ sockets: 2, users: 1 });
    expect((await gateway.registry.getSocket(clients[1]!.id!))?.namespace).toBe('/admin');

    expect(await gateway.broadcaster.toUsers('ann').emit('to user')).toMatchObject({ matched: 4 });
    expect(await gateway.broadcaster.toRooms('tenants').emit('to room')).toMatchObject({ matched: 2 });
    expect(await gateway.broadcaster.toSockets(clients[1]!.id!).emit('to socket')).toMatchObject({
      matched: 1,
    });
    await Promise.all(clients.map((client) => client.next('to user')));
    await Promise.all(clients.slice(2).map((client) => client.next('to room')));
    await clients[1]!.next('to socket');

    for (const client of clients) client.answer('ask', () => 'here');
    const { responses, missing } = await gateway.broadcaster.toAll().emitWithAck('ask', { timeoutMs: 5_000 });
    expect(responses.map(({ args }) => args)).toEqual([['here'], ['here'], ['here'], ['here']]);
    expect(missing).toEqual([]);
  });

  it('get the server of their namespace', async () => {
    const gateway = await startAll();
    const client = await gateway.connect({ namespace: '/admin' });
    gateway.app.get(AdminGateway).namespace.emit('from the server', 1);
    expect(await client.next('from the server')).toEqual([1]);
  });

  it('[L2] settle who a socket is on every namespace, those an app makes by itself too', async () => {
    @WebSocketGateway()
    class AdHocGateway implements OnGatewayInit<Server> {
      afterInit(server: Server): void {
        server.of('/ad-hoc');
        server.of(/^\/ad-hoc-\d$/);
      }
    }
    const gateway = await startEmbedding({
      options: { jwtSecret: 'a secret of at least thirty-two bytes' },
      providers: [AdHocGateway, AdminGateway, TenantGateway],
    });
    for (const namespace of ['/', '/admin', '/tenant-1', '/ad-hoc', '/ad-hoc-1']) {
      const [failure] = await gateway.open({ namespace }).next('connect_error');
      expect(failure).toMatchObject({ data: { code: 'auth.token_missing' } });
    }
    expect((await gateway.registry.getStats()).sockets).toBe(0);
  });

  it('[L2] contain the middlewares that an app adds to a namespace made on demand', async () => {
    @WebSocketGateway()
    class WatchingGateway implements OnGatewayInit<Server> {
      afterInit(server: Server): void {
        server.on('new_namespace', (namespace) => {
          namespace.use(() => {
            throw new Error('hunter2');
          });
        });
      }
    }
    const gateway = await startEmbedding({ providers: [WatchingGateway, TenantGateway] });
    const [failure] = await gateway.open({ namespace: '/tenant-1' }).next('connect_error');
    expect(failure).toMatchObject({ data: { code: 'internal' } });
  });

  it('[L2] [M1] may have a port of their own, with everything the gateway promises', async () => {
    const port = await freePort();

    @WebSocketGateway(port)
    class OwnPortGateway {
      @SubscribeMessage('first')
      first(@ConnectedSocket() socket: GatewaySocket): object {
        return { ...answer('own port', socket), user: identityOf(socket).user };
      }

      @SubscribeMessage('fails')
      fails(): never {
        throw new WsException('no');
      }
    }
    const gateway = await startEmbedding({ providers: [OwnPortGateway, FirstGateway] });
    const client = createClient(`http://127.0.0.1:${port}`, { auth: { user: 'ann' } });
    await client.next('connect');
    expect(await client.request('first')).toMatchObject({ by: 'own port', user: 'ann' });
    expect(await client.request('fails')).toMatchObject({ error: { code: 'request.refused' } });
    expect(await gateway.registry.getUser('ann')).toMatchObject({ online: true });
    expect(await gateway.broadcaster.toUsers('ann').emit('hello')).toMatchObject({ matched: 1 });
    await client.next('hello');

    await closeEmbeddings();
    await client.next('disconnect');
    client.close();
  });

  it('[M1] may be scoped to the request', async () => {
    const gateway = await startEmbedding({ providers: [PerRequest, ScopedGateway] });
    const ann = await gateway.connect({ auth: { user: 'ann' } });
    const ben = await gateway.connect({ auth: { user: 'ben' } });
    expect(await ann.request('whose', 1)).toMatchObject({ user: 'ann', value: 1 });
    expect(await ben.request('whose', 2)).toMatchObject({ user: 'ben', value: 2 });
    const [mine, theirs] = await Promise.all([ann.request('whose'), ben.request('whose')]);
    expect(mine['instance']).not.toBe(theirs['instance']);
    expect(await ann.request('refuses')).toMatchObject({ error: { code: 'request.refused', message: 'no' } });
    const refused = await gateway.connect({ auth: { user: 'refused' } });
    expect(await refused.next('server:disconnect')).toEqual([
      expect.objectContaining({ code: 'request.refused', message: 'not you' }),
    ]);
  });
});

let instances = 0;

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  readonly instance = ++instances;
}

@WebSocketGateway()
class ScopedGateway implements OnGatewayConnection {
  constructor(private readonly perRequest: PerRequest) {}

  handleConnection(socket: GatewaySocket): void {
    if (identityOf(socket).user === 'refused') throw new WsException('not you');
  }

  @SubscribeMessage('whose')
  whose(@ConnectedSocket() socket: GatewaySocket, @MessageBody() value: unknown): object {
    return { user: identityOf(socket).user, value, instance: this.perRequest.instance };
  }

  @SubscribeMessage('refuses')
  refuses(): never {
    throw new WsException('no');
  }
}
