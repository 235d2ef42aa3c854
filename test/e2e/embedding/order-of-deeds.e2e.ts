/**
 * All that one node does takes effect in that order at every socket: what it says, and what it does to sockets. [D4] [T1]
 *
 * Sockets that track positions wait for the place of a publication where there is Redis, those of the node that says it
 * too; what is done to them meanwhile comes behind it.
 */
import type { Namespace } from 'socket.io';
import { SocketControl } from 'switchboard-gateway';
import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { SwitchboardApiModule } from '../../../src/api/api.module.js';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

/** What waits for places, and what does not. */
const KINDS = ['plain', 'recovering', 'with positions'] as const;
type Kind = (typeof KINDS)[number];

const ROOM = 'kept:room';
const NAMES = ['here', 'there'] as const;

/** What a deed works with: the namespace on the node that does it, its own socket, and the IDs of all. */
interface Stage {
  readonly io: Namespace;
  readonly gateway: TestGateway;
  readonly ids: readonly string[];
  readonly own: ReturnType<Namespace['sockets']['get']> & object;
}

interface Deed {
  readonly text: string;
  run(stage: Stage): Promise<unknown> | void;
  /** What every client is told. */
  readonly told: readonly string[];
  /** What the client of the node itself is told, where that is something else. */
  readonly toldHere?: readonly string[];
  readonly isEnd?: true;
}

const DEEDS: readonly Deed[] = [
  {
    text: 'emit, socketsLeave',
    run({ io }) {
      io.to(ROOM).emit('one');
      io.in(ROOM).socketsLeave(ROOM);
      io.to(ROOM).emit('nobody');
    },
    told: ['one'],
  },
  {
    text: 'emit, disconnectSockets',
    run({ io }) {
      io.to(ROOM).emit('one');
      io.emit('two');
      io.in(ROOM).disconnectSockets();
    },
    told: ['one', 'two', 'disconnect'],
    isEnd: true,
  },
  {
    text: 'emit, socketsLeave, disconnectSockets(true)',
    run({ io, ids }) {
      io.to(ROOM).emit('one');
      io.in(ROOM).socketsLeave(ROOM);
      io.in([...ids]).disconnectSockets(true);
    },
    told: ['one', 'disconnect'],
    isEnd: true,
  },
  {
    text: 'socketsJoin, emit, socketsLeave, emit',
    run({ io }) {
      io.in(ROOM).socketsJoin('game');
      io.to('game').emit('one');
      io.in('game').socketsLeave('game');
      io.to('game').emit('nobody');
      io.to(ROOM).emit('two');
    },
    told: ['one', 'two'],
  },
  {
    text: 'emit, socketsJoin',
    run({ io }) {
      io.to('game').emit('nobody');
      io.in(ROOM).socketsJoin('game');
      io.to('game').emit('one');
    },
    told: ['one'],
  },
  {
    text: 'except().emit, socketsLeave, except().emit',
    run({ io }) {
      io.except(ROOM).emit('nobody');
      io.in(ROOM).socketsLeave(ROOM);
      io.except(ROOM).emit('one');
    },
    told: ['one'],
  },
  {
    text: 'emitWithAck, socketsLeave',
    async run({ io, ids }) {
      const answers = io.to(ROOM).timeout(20_000).emitWithAck('ask');
      io.in(ROOM).socketsLeave(ROOM);
      expect(await answers).toHaveLength(ids.length);
    },
    told: ['ask'],
  },
  {
    text: 'emit, socket.leave, socket.emit, socket.emitWithAck, local.emit',
    async run({ io, own }) {
      io.to(ROOM).emit('one');
      void own.leave(ROOM);
      own.emit('two');
      const answer = own.timeout(20_000).emitWithAck('ask');
      io.local.emit('three');
      await answer;
    },
    told: ['one'],
    toldHere: ['one', 'two', 'ask', 'three'],
  },
  {
    text: 'emit and socket.disconnect',
    run({ io, own }) {
      io.to(ROOM).emit('one');
      own.emit('two');
      own.broadcast.emit('three');
      own.disconnect(true);
    },
    told: ['one', 'three'],
    toldHere: ['one', 'two', 'disconnect'],
    isEnd: true,
  },
  {
    text: 'remote.emit, remote.leave, remote.emit, remote.disconnect',
    async run({ io }) {
      for (const remote of await io.in(ROOM).fetchSockets()) {
        remote.emit('one');
        io.to(ROOM).emit('all');
        remote.leave(ROOM);
        remote.emit('two');
        remote.disconnect();
        break;
      }
    },
    told: [],
  },
  {
    text: 'many emits between joins and leaves',
    run({ io }) {
      for (let each = 0; each < 30; each++) {
        io.in(ROOM).socketsJoin('game');
        io.to('game').emit(`n${each}`);
        io.in('game').socketsLeave('game');
        io.to('game').emit('nobody');
      }
    },
    told: Array.from({ length: 30 }, (_, each) => `n${each}`),
  },
  {
    text: 'a broadcast of the gateway, SocketControl.leave',
    async run({ gateway, ids }) {
      const control = gateway.app.get(SocketControl);
      const said = gateway.broadcaster.toRooms(ROOM).emit('one');
      await Promise.all(ids.map((socketId) => control.leave({ socketId }, ROOM)));
      await said;
      await gateway.broadcaster.toRooms(ROOM).emit('nobody');
    },
    told: ['one'],
  },
  {
    text: 'a broadcast of the gateway, SocketControl.disconnect',
    async run({ gateway, ids }) {
      const control = gateway.app.get(SocketControl);
      const said = gateway.broadcaster.toRooms(ROOM).emit('one');
      await Promise.all(ids.map((socketId) => control.disconnect({ socketId })));
      await said;
    },
    told: ['one', 'server:disconnect', 'disconnect'],
    isEnd: true,
  },
  {
    text: 'a batch of emit, leave, emit',
    async run({ gateway, ids }) {
      const leave = ids.map((socketId) => ({ leave: { room: ROOM, socketId } }));
      const emit = (event: string) => ({ emit: { to: { rooms: [ROOM] }, event } });
      const { status } = await gateway.http('POST', '/v1/batch', {
        commands: [emit('one'), ...leave, emit('nobody')],
      });
      expect(status).toBe(200);
    },
    told: ['one'],
  },
];

const WORLDS = [
  { world: 'memory', nodes: 1, isShared: false },
  { world: 'one node with Redis', nodes: 1, isShared: true },
  { world: 'two nodes', nodes: 2, isShared: true },
] as const;

const namespaceOf = (gateway: TestGateway, name: string): Namespace =>
  gateway.app.get(Namespaces).all[0]!.nsp.server.of(name);

/** What a client was told, without what stands for the moment. */
const told = (client: TestClient): string[] =>
  client.queue.log.map(({ event }) => event).filter((event) => event !== 'connect' && event !== 'fence');

describeWithRedis('the order of what one node does', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.kill());

  describe.each(WORLDS)('$world', ({ nodes, isShared }) => {
    let gateways: TestGateway[];
    beforeAll(async () => {
      gateways = [];
      const history = [{ pattern: 'kept:*', size: 100, ttlMs: 60_000 }];
      const options = { history, ...(isShared && { redisUrl: redis.url }), maxSocketsPerUser: 0 };
      for (let node = 0; node < nodes; node++)
        gateways.push(await startEmbedding({ options, imports: [SwitchboardApiModule] }));
      for (const gateway of gateways) namespaceOf(gateway, '/app');
    });
    afterAll(closeEmbeddings);

    /** A client of each node, in the room. */
    async function clientsOf(kind: Kind, namespace: string): Promise<TestClient[]> {
      const auth = { user: 'ada', ...(kind === 'recovering' && { recovery: true }) };
      const clients = await Promise.all(gateways.map((gateway) => gateway.connect({ namespace, auth })));
      for (const [node, client] of clients.entries()) {
        client.answer('ask', () => 'answer');
        if (kind === 'with positions') {
          expect(await client.request('room:join', { room: ROOM, meta: true })).toMatchObject({ ok: true });
        } else {
          await namespaceOf(gateways[node]!, namespace).sockets.get(client.id!)!.join(ROOM);
        }
      }
      return clients;
    }

    const rows = KINDS.flatMap((kind) =>
      (kind === 'with positions' ? ['/'] : ['/', '/app']).flatMap((namespace) =>
        DEEDS.map((deed) => ({ kind, namespace, deed, text: deed.text })),
      ),
    );

    it.each(rows)('[D4] $kind socket on $namespace: $text', async ({ kind, namespace, deed }) => {
      const clients = await clientsOf(kind, namespace);
      const ids = clients.map(({ id }) => id!);
      const io = namespaceOf(gateways[0]!, namespace);
      await deed.run({ io, gateway: gateways[0]!, ids, own: io.sockets.get(ids[0]!)! });
      if (deed.text.startsWith('remote')) {
        expect(await toldRemote(clients, io)).toEqual(['one', 'all', 'two', 'disconnect']);
        return;
      }
      for (const [node, client] of clients.entries()) {
        const expected = (node === 0 ? deed.toldHere : undefined) ?? deed.told;
        if (expected.at(-1) !== 'disconnect') {
          await gateways[0]!.broadcaster.toSockets(client.id!).emit('fence');
          await client.next('fence');
        } else {
          await until(`${NAMES[node]} has ended`, () => !client.socket.connected);
        }
        expect(told(client)).toEqual(expected);
      }
      for (const client of clients) client.close();
    });

    async function toldRemote(clients: readonly TestClient[], io: Namespace): Promise<string[]> {
      await until('one has ended', () => clients.some(({ socket }) => !socket.connected));
      const ended = clients.find(({ socket }) => !socket.connected)!;
      io.disconnectSockets();
      // The other node, too, has done it: or it would end a socket of the next test.
      await until('all have ended', () => clients.every(({ socket }) => !socket.connected));
      for (const client of clients) client.close();
      return told(ended);
    }
  });
});
