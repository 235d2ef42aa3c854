/**
 * Whatever an app and the gateway send, and whichever way: the client never takes an argument for a cursor. [H4]
 *
 * The stock 4.x client takes the last argument of an event for one if it is a text, the event's own name included. A
 * wrong one proves nothing when it comes back, and its session is lost.
 */
import {
  ConnectedSocket,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from '@nestjs/websockets';
import type { Server } from 'socket.io';
import { SwitchboardApiModule, type GatewaySocket } from 'switchboard-gateway';
import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { breakOff, comeBack, received, sessionOf } from '../../support/recovering.js';

const early: { send: ((socket: GatewaySocket, server: Server) => void) | undefined } = { send: undefined };

@WebSocketGateway()
class AppGateway {
  @WebSocketServer() server!: Server;

  afterInit(server: Server): void {
    server.use((socket, next) => {
      if (early.send) early.send(socket as GatewaySocket, server);
      next();
    });
  }

  @SubscribeMessage('answers')
  answers(): string {
    return 'a text';
  }

  @SubscribeMessage('says')
  says(): { event: string; data: string } {
    return { event: 'way', data: 'a text' };
  }

  @SubscribeMessage('fails')
  fails(@ConnectedSocket() socket: GatewaySocket): never {
    socket.emit('way', 'a text');
    throw new WsException('a text');
  }
}

interface Sides {
  readonly gateway: TestGateway;
  readonly server: Server;
  readonly socket: GatewaySocket;
  readonly client: TestClient;
}

type Way = readonly [name: string, send: (sides: Sides) => unknown];

const answered = async (sides: Sides, ask: () => Promise<unknown>): Promise<void> => {
  sides.client.answer('asks', () => 'a text');
  await ask();
};

const WAYS: readonly Way[] = [
  ['socket.emit()', ({ socket }) => socket.emit('way', 'a text')],
  ['socket.emit() without arguments', ({ socket }) => socket.emit('way')],
  ['socket.send()', ({ socket }) => socket.send('a text')],
  ['socket.volatile.emit()', ({ socket }) => socket.volatile.emit('way', 'a text')],
  ['socket.compress().emit()', ({ socket }) => socket.compress(true).emit('way', 'a text')],
  ['socket.timeout().emit() without a callback', ({ socket }) => socket.timeout(50).emit('way', 'a text')],
  ['socket.emitWithAck()', (sides) => answered(sides, () => sides.socket.emitWithAck('asks', 'a text'))],
  ['binary, and a text', ({ socket }) => socket.emit('way', Buffer.from([1]), 'a text')],
  ['server.emit()', ({ server }) => server.emit('way', 'a text')],
  ['server.emit() without arguments', ({ server }) => server.emit('way')],
  ['server.local.emit()', ({ server }) => server.local.emit('way', 'a text')],
  ['server.volatile.emit()', ({ server }) => server.volatile.emit('way', 'a text')],
  ['server.to().emit()', ({ server, client }) => server.to(client.id!).emit('way', 'a text')],
  ['server.send()', ({ server }) => server.send('a text')],
  [
    'server.timeout().emitWithAck()',
    (sides) => answered(sides, () => sides.server.timeout(5_000).emitWithAck('asks', 'a text')),
  ],
  [
    'a remote socket',
    async ({ server }) => (await server.fetchSockets()).forEach((each) => each.emit('way', 'a text')),
  ],
  ['exception of the app, as a text', ({ socket }) => socket.emit('exception', 'a text')],
  ['exception of the app, without arguments', ({ socket }) => socket.emit('exception')],
  ['auth:expiring of the app, as a text', ({ socket }) => socket.emit('auth:expiring', 'a text')],
  ['server:disconnect of the app, as a text', ({ socket }) => socket.emit('server:disconnect', 'a text')],
  ['a name of the gateway, to all', ({ server }) => server.emit('exception', 'a text')],
  ['what a handler returns, as an answer', ({ client }) => client.request('answers')],
  ['what a handler returns, as an event', ({ client }) => client.emit('says')],
  ['what a handler throws', ({ client }) => client.emit('fails')],
  ['an unknown event', ({ client }) => client.emit('nobody takes this')],
  ['Broadcaster', ({ gateway, client }) => gateway.broadcaster.toSockets(client.id!).emit('way', 'a text')],
  [
    'Broadcaster, volatile, without arguments',
    ({ gateway, client }) => gateway.broadcaster.toSockets(client.id!).volatile().emit('way'),
  ],
  [
    'Broadcaster with an acknowledgement',
    (sides) =>
      answered(sides, () =>
        sides.gateway.broadcaster.toUsers('ada').emitWithAck('asks', 'a text', { timeoutMs: 5_000 }),
      ),
  ],
  [
    'POST /v1/emit',
    ({ gateway }) =>
      gateway.http('POST', '/v1/emit', { to: { users: ['ada'] }, event: 'way', args: ['a text'] }),
  ],
  [
    'POST /v1/emit with an acknowledgement',
    (sides) =>
      answered(sides, () =>
        sides.gateway.http('POST', '/v1/emit', {
          to: { users: ['ada'] },
          event: 'asks',
          args: ['a text'],
          ack: { timeoutMs: 5_000 },
        }),
      ),
  ],
  [
    'room:emit',
    ({ client }) =>
      client.request('room:emit', { room: 'lobby', event: 'way', args: ['a text'], echo: true }),
  ],
];

/** Before the client is connected. */
const EARLY: readonly (readonly [name: string, send: (socket: GatewaySocket, server: Server) => void])[] = [
  ['emits to it', (socket) => void socket.emit('way', 'a text')],
  ['emits to it without arguments', (socket) => void socket.emit('way')],
  [
    'sends to a room that it has put it in',
    (socket, server) => {
      void socket.join('early');
      server.to('early').emit('way', 'a text');
    },
  ],
  [
    'sends to its own room as it enters that',
    ({ id, nsp }, server) => {
      nsp.adapter.once('create-room', () => server.to(id).emit('way', 'a text'));
    },
  ],
];

const asking = { auth: { user: 'ada', recovery: true } };

describe('a client that recovers', () => {
  let gateway: TestGateway;
  let server: Server;

  beforeEach(async () => {
    early.send = undefined;
    gateway = await startEmbedding({ imports: [SwitchboardApiModule], providers: [AppGateway] });
    server = gateway.app.get(AppGateway).server;
  });
  afterEach(closeEmbeddings);

  /** It breaks off, and comes back to exactly what it has missed. */
  async function expectRecovery(client: TestClient): Promise<void> {
    const { offset } = sessionOf(client);
    expect(String(offset)).not.toMatch(/^(?:a text|way|asks|exception)$/);
    const id = await breakOff(gateway, client);
    await gateway.broadcaster.toSockets(id).emit('missed', 1);
    await gateway.broadcaster.toRooms('lobby').emit('missed', 2);
    expect(await comeBack(client)).toBe(true);
    expect(await received(gateway, client, 'missed')).toEqual([1, 2]);
  }

  it.each(WAYS)('[H4] keeps its session whatever it was sent last: %s', async (_, send) => {
    const client = await gateway.connect(asking);
    await client.request('room:join', { room: 'lobby' });
    const socket = server.sockets.sockets.get(client.id!) as GatewaySocket;
    await send({ gateway, server, socket, client });
    await client.settled();
    await expectRecovery(client);
  });

  it.each(EARLY)('[H4] keeps its session where a check of the app %s', async (_, send) => {
    early.send = send;
    const client = await gateway.connect(asking);
    early.send = undefined;
    await client.request('room:join', { room: 'lobby' });
    await expectRecovery(client);
    early.send = send;
    await breakOff(gateway, client);
    expect(await comeBack(client)).toBe(true);
    early.send = undefined;
    await client.settled();
    expect(String(sessionOf(client).offset)).not.toMatch(/^(?:a text|way)$/);
    await breakOff(gateway, client);
    expect(await comeBack(client)).toBe(true);
  });

  it('[H4] keeps its session when it was replayed to, and told that it is in rooms', async () => {
    const client = await gateway.connect(asking);
    await client.request('room:join', { room: 'lobby', presence: true });
    const other = await gateway.connect({ auth: { user: 'bob' } });
    await other.request('room:join', { room: 'lobby' });
    await client.next('room:presence');
    const id = await breakOff(gateway, client);
    await gateway.broadcaster.toSockets(id).emit('way', 'a text');
    expect(await comeBack(client)).toBe(true);
    await client.settled();
    await expectRecovery(client);
  });
});
