/**
 * Clients that send any value to an app that passes them on to everything that a socket has: the process lives, and others
 * get what is theirs. [L4] [T1]
 *
 * For longer: `FUZZ_RUNS=1000`. A failing run prints its seed.
 */
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import fc from 'fast-check';
import type { Namespace, Socket } from 'socket.io';
import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { arrivedAt } from '../../support/arrivals.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { until } from '../../support/until.js';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 8);
const EVENT = 'number';

/** What a client sends is what the method gets: an app without types at run time. */
type Anything = never;

@WebSocketGateway()
class PermissiveGateway {
  @SubscribeMessage('join')
  async join(@ConnectedSocket() socket: Socket, @MessageBody() room: Anything): Promise<void> {
    await socket.join(room);
  }

  @SubscribeMessage('leave')
  async leave(@ConnectedSocket() socket: Socket, @MessageBody() room: Anything): Promise<void> {
    await socket.leave(room);
  }

  @SubscribeMessage('to')
  to(@ConnectedSocket() socket: Socket, @MessageBody() room: Anything): void {
    socket.to(room).emit('said', room);
    socket.nsp.in(room).except(room).emit('said', room);
  }

  @SubscribeMessage('emit')
  emit(@ConnectedSocket() socket: Socket, @MessageBody() value: Anything): void {
    socket.emit(value, value);
    socket.nsp.to(socket.id).emit('said', value);
  }

  @SubscribeMessage('data')
  data(@ConnectedSocket() socket: Socket, @MessageBody() value: Anything): void {
    socket.data = value;
  }

  @SubscribeMessage('field')
  field(@ConnectedSocket() socket: Socket, @MessageBody() value: Anything): void {
    (socket.data as Record<string, unknown>)[value] = value;
  }

  @SubscribeMessage('move')
  async move(@ConnectedSocket() socket: Socket, @MessageBody() room: Anything): Promise<number> {
    socket.nsp.in(socket.id).socketsJoin(room);
    const { length } = await socket.nsp.in(room).fetchSockets();
    socket.nsp.in(socket.id).socketsLeave(room);
    return length;
  }
}

const ODD = [
  '',
  '__proto__',
  'constructor',
  'user:bystander',
  '\u0000',
  '\u0001n5',
  'x'.repeat(2_000),
  'error',
];
const value = fc.oneof(
  fc.constantFrom<unknown>(...ODD, 'connect', 'disconnect', 'room:join', 0, -1, 5, 1.5, null, true, [], {}),
  fc.jsonValue(),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
);
const act = fc.record({
  event: fc.constantFrom('join', 'leave', 'to', 'emit', 'data', 'field', 'move'),
  value,
  asks: fc.boolean(),
});
const script = fc.record({
  acts: fc.array(act, { minLength: 10, maxLength: 60 }),
  recovery: fc.boolean(),
  end: fc.constantFrom('close' as const, 'breakTransport' as const),
});

describe('an app that passes on whatever its clients send', () => {
  let gateway: TestGateway;
  let bystanders: TestClient[];
  let number = 0;
  const fatal: unknown[] = [];
  const note = (failure: unknown): void => void fatal.push(failure);

  beforeAll(async () => {
    process.on('unhandledRejection', note);
    process.on('uncaughtExceptionMonitor', note);
    gateway = await startEmbedding({
      providers: [PermissiveGateway],
      options: { eventsPerSecond: 10_000, eventsBurst: 10_000, recoveryWindowMs: 500, maxSocketsPerUser: 0 },
    });
    bystanders = await Promise.all(
      ([4, 2] as const).map((version) => gateway.connect({ version, auth: { user: 'bystander' } })),
    );
    for (const bystander of bystanders) await bystander.request('room:join', { room: 'theirs' });
  });
  afterAll(async () => {
    await closeEmbeddings();
    process.off('unhandledRejection', note);
    process.off('uncaughtExceptionMonitor', note);
  });

  const root = (): Namespace => gateway.app.get(Namespaces).all.find(({ nsp }) => nsp.name === '/')!.nsp;

  it('[L4] [T1] lives, and others get what is theirs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 3 }), async (scripts) => {
        const attackers = await Promise.all(
          scripts.map(({ recovery }) => gateway.connect({ auth: { user: 'attacker', recovery } })),
        );
        for (const [index, { acts, end }] of scripts.entries()) {
          const attacker = attackers[index]!;
          for (const { event, value: sent, asks } of acts) {
            if (asks) attacker.socket.emit(event, sent, () => undefined);
            else attacker.socket.emit(event, sent);
          }
          await gateway.broadcaster.toRooms('theirs').emit(EVENT, ++number);
          await gateway.broadcaster.toUsers('bystander').emit(EVENT, ++number);
          // A client that cannot read what the app has it sent ends itself.
          await Promise.race([attacker.settled(), attacker.next('disconnect')]).catch(() => undefined);
          attacker[end]();
        }
        await until('they have gone', () => root().sockets.size === bystanders.length);
        const expected = Array.from({ length: number }, (_, index) => [index + 1]);
        for (const bystander of bystanders) {
          await bystander.settled();
          await until('all has arrived', () => arrivedAt(bystander, EVENT).length >= number);
          expect(arrivedAt(bystander, EVENT)).toEqual(expected);
          expect(await bystander.request('socket:info')).toMatchObject({ ok: true, rooms: ['theirs'] });
        }
        expect(fatal).toEqual([]);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(root().adapter.sids.size).toBe(bystanders.length);
  });
});
