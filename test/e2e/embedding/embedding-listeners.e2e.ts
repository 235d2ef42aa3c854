import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
} from '@nestjs/websockets';
import { EventEmitter } from 'node:events';
import type { Socket } from 'socket.io';
import type { GatewaySocket } from 'switchboard-gateway';
import type { TestGateway } from 'switchboard-gateway/testing';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';

/** Names that the gateway takes for its own where it uses them, and Socket.IO's own that a client can send. */
const NAMES = [
  'room:x',
  'room:presence',
  'auth:x',
  'auth:expiring',
  'server:x',
  'server:disconnect',
  'socket:x',
  'exception',
  'ping',
  'pong',
  'error',
  'reconnect',
] as const;

type Acknowledge = (answer: unknown) => void;

function listen(socket: Socket, names: readonly string[]): void {
  for (const name of names) {
    socket.on(name, (value: unknown, acknowledge?: Acknowledge) => acknowledge?.({ heard: name, value }));
  }
}

const OWN_NAMES = ['room:join', 'room:leave', 'room:emit', 'socket:info', 'auth:refresh'];

@WebSocketGateway()
class Listening implements OnGatewayConnection {
  handleConnection(socket: Socket): void {
    listen(socket, [...NAMES, ...OWN_NAMES, '5']);
  }

  @SubscribeMessage('number')
  number(): object {
    return { event: 5, data: 'five' };
  }

  @SubscribeMessage('no event')
  noEvent(@MessageBody() event: unknown): object {
    return { event, data: 'mine' };
  }

  @SubscribeMessage(6)
  six(@MessageBody() value: unknown): object {
    return { six: value };
  }

  @SubscribeMessage('to be told')
  tell(@ConnectedSocket() socket: GatewaySocket): void {
    for (const name of [...NAMES, ...OWN_NAMES]) socket.emit(name, 'from the app');
  }
}

@WebSocketGateway({ namespace: 'raw' })
class RawNamespace implements OnGatewayConnection {
  handleConnection(socket: Socket): void {
    listen(socket, OWN_NAMES.slice(2));
  }

  @SubscribeMessage('room:join')
  join(@ConnectedSocket() socket: GatewaySocket, @MessageBody() { room }: { room: string }): object {
    void socket.join(room);
    socket.emit('room:join', { room, seats: 3 });
    return { joined: room };
  }

  @SubscribeMessage('room:leave')
  leave(): object {
    return { event: 'room:leave', data: 'left' };
  }
}

@WebSocketGateway({ namespace: 'leaving' })
class Leaving implements OnGatewayConnection, OnGatewayDisconnect {
  static readonly heard = new EventEmitter();

  handleConnection(socket: Socket): void {
    void socket.join('hall');
  }

  @SubscribeMessage('disconnecting')
  disconnecting(@ConnectedSocket() socket: Socket, @MessageBody() [reason]: [string]): object {
    const rooms = [...socket.rooms].filter((room) => room !== socket.id);
    Leaving.heard.emit('disconnecting', { reason, rooms });
    return { event: 'too late', data: 1 };
  }

  @SubscribeMessage('disconnect')
  disconnect(): void {
    Leaving.heard.emit('handler of disconnect');
  }

  handleDisconnect(socket: Socket): void {
    Leaving.heard.emit('disconnect', [...socket.rooms]);
  }
}

@WebSocketGateway({ namespace: 'failing' })
class FailingToLeave implements OnGatewayDisconnect {
  @SubscribeMessage('disconnecting')
  disconnecting(): never {
    throw new Error('clumsy');
  }

  handleDisconnect(): void {
    Leaving.heard.emit('gone all the same');
  }
}

describe("an app's own listeners and names", () => {
  let gateway: TestGateway;
  let logger: CollectingLogger;

  beforeEach(async () => {
    logger = new CollectingLogger();
    gateway = await startEmbedding({ logger, providers: [Listening, RawNamespace, Leaving, FailingToLeave] });
  });
  afterEach(closeEmbeddings);

  it.each(NAMES)('[T1] a raw listener of %j is called', async (name) => {
    const client = await gateway.connect();
    expect(await client.request(name, 1)).toEqual({ heard: name, value: 1 });
  });

  it("[T1] the gateway's own requests stay its own on the namespace that it serves", async () => {
    const client = await gateway.connect({ auth: { user: 'ann' } });
    expect(await client.request('socket:info')).toMatchObject({ ok: true, user: 'ann' });
    expect(await client.request('room:join', { room: 'lobby' })).toEqual({ ok: true, room: 'lobby' });
    expect(await client.request('room:leave', { room: 'hall' })).toMatchObject({
      error: { code: 'room.not_joined' },
    });
  });

  it('[T1] an app sends what it likes under these names', async () => {
    const client = await gateway.connect();
    await client.request('to be told');
    for (const name of [...NAMES, ...OWN_NAMES]) expect(await client.next(name)).toEqual(['from the app']);
  });

  it('[T1] on a namespace of its own an app takes room:join and the like, both ways', async () => {
    const client = await gateway.connect({ namespace: '/raw' });
    expect(await client.request('room:join', { room: 'lobby' })).toEqual({ joined: 'lobby' });
    expect(await client.next('room:join')).toEqual([{ room: 'lobby', seats: 3 }]);
    expect(await client.request('room:leave')).toEqual({ ok: true });
    expect(await client.next('room:leave')).toEqual(['left']);
    for (const name of OWN_NAMES.slice(2)) {
      expect(await client.request(name, 'x')).toEqual({ heard: name, value: 'x' });
    }
  });

  it('[T1] {event: 5, data} is emitted, and what is no name of an event is an answer', async () => {
    const client = await gateway.connect();
    expect(await client.request('number')).toEqual({ ok: true });
    expect(await client.next(5 as unknown as string)).toEqual(['five']);
    for (const event of ['', null, false, { is: 'an object' }]) {
      expect(await client.request('no event', event)).toEqual({ event, data: 'mine' });
    }
  });

  it('[T1] an event whose name is a number is heard by handlers and listeners', async () => {
    const client = await gateway.connect();
    expect(await client.request(5 as unknown as string, 'a')).toEqual({ heard: '5', value: 'a' });
    expect(await client.request(6 as unknown as string, 'b')).toEqual({ six: 'b' });
  });

  it("[T1] @SubscribeMessage('disconnecting') runs while the socket is in its rooms, and 'disconnect' as on stock", async () => {
    const told: unknown[] = [];
    Leaving.heard.on('handler of disconnect', () => told.push('handler of disconnect'));
    const disconnecting = new Promise((resolve) => Leaving.heard.once('disconnecting', resolve));
    const gone = new Promise((resolve) => Leaving.heard.once('disconnect', resolve));
    const client = await gateway.connect({ namespace: '/leaving' });
    client.close();
    expect(await disconnecting).toEqual({
      reason: 'client namespace disconnect',
      rooms: expect.arrayContaining(['hall']),
    });
    expect(await gone).toEqual([]);
    expect(told).toEqual([]);
    Leaving.heard.removeAllListeners();
  });

  it('[L4] a handler of disconnecting that throws is logged, and the socket ends all the same', async () => {
    const gone = new Promise<void>((resolve) => Leaving.heard.once('gone all the same', () => resolve()));
    const client = await gateway.connect({ namespace: '/failing' });
    client.close();
    await gone;
    const failures = logger.lines.filter(({ level }) => level === 'error');
    expect(failures.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^a handler failed: Error: clumsy/),
    ]);
  });
});
