/** Another node sends, whichever way: the client never takes an argument for a cursor. [H4] [H6] */
import type { Namespace } from 'socket.io';
import { SwitchboardApiModule } from 'switchboard-gateway';
import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { leadTo } from '../../support/other-node.js';
import { breakOff, comeBack, received, sessionOf } from '../../support/recovering.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';

interface Sender {
  readonly node: TestGateway;
  readonly io: Namespace;
  /** The client that is sent to, which is on another node. */
  readonly client: TestClient;
  /** A member of the client's room, on the node that sends. */
  readonly member: TestClient;
}

type Way = readonly [name: string, send: (sender: Sender) => unknown];

const TEXT = 'a text';
const POST = { to: { users: ['ada'] }, args: [TEXT] };

const WAYS: readonly Way[] = [
  ['io.emit()', ({ io }) => io.emit('way', TEXT)],
  ['io.emit() without arguments', ({ io }) => io.emit('way')],
  ['io.to() its socket ID', ({ io, client }) => io.to(client.id!).emit('way', TEXT)],
  ['io.to() its room, with binary', ({ io }) => io.to('lobby').emit('way', Buffer.from([1]), TEXT)],
  ['io.volatile', ({ io }) => io.volatile.emit('way', TEXT)],
  ['io.send()', ({ io }) => io.send(TEXT)],
  ['io.timeout().emitWithAck()', ({ io }) => io.timeout(5_000).emitWithAck('asks', TEXT)],
  [
    'a remote socket',
    async ({ io, client }) => (await io.in(client.id!).fetchSockets())[0]!.emit('way', TEXT),
  ],
  [
    'a remote socket that is asked',
    async ({ io, client }) =>
      (await io.in(client.id!).fetchSockets())[0]!.timeout(5_000).emitWithAck('asks', TEXT),
  ],
  ['a name of the gateway', ({ io }) => io.emit('exception', TEXT)],
  ['Broadcaster', ({ node }) => node.broadcaster.toUsers('ada').emit('way', TEXT)],
  ['Broadcaster, volatile, without arguments', ({ node }) => node.broadcaster.toAll().volatile().emit('way')],
  [
    'Broadcaster with an acknowledgement',
    ({ node }) => node.broadcaster.toUsers('ada').emitWithAck('asks', TEXT, { timeoutMs: 5_000 }),
  ],
  ['POST /v1/emit', ({ node }) => node.http('POST', '/v1/emit', { ...POST, event: 'way' })],
  [
    'POST /v1/emit with an acknowledgement',
    ({ node }) => node.http('POST', '/v1/emit', { ...POST, event: 'asks', ack: { timeoutMs: 5_000 } }),
  ],
  ['room:emit', ({ member }) => member.request('room:emit', { room: 'lobby', event: 'way', args: [TEXT] })],
  ['presence', ({ member }) => member.request('room:leave', { room: 'lobby' })],
];

describeWithRedis('a client that recovers, and another node that sends', () => {
  let redis: TestRedis;
  let a: TestGateway;
  let b: TestGateway;

  beforeAll(async () => {
    redis = await TestRedis.start();
    const start = (): Promise<TestGateway> =>
      startEmbedding({ options: { redisUrl: redis.url }, imports: [SwitchboardApiModule] });
    [a, b] = await Promise.all([start(), start()]);
  });
  afterAll(async () => {
    await closeEmbeddings();
    await redis.kill();
  });

  it.each(WAYS)('[H4] [H6] keeps its session whatever it was sent last: %s', async (_, send) => {
    const client = await a.connect({ auth: { user: 'ada', recovery: true } });
    client.answer('asks', () => TEXT);
    await client.request('room:join', { room: 'lobby', presence: true });
    const member = await b.connect({ auth: { user: 'bob' } });
    member.answer('asks', () => TEXT);
    await member.request('room:join', { room: 'lobby' });
    const io = b.app.get(Namespaces).all.find(({ nsp }) => nsp.name === '/')!.nsp;
    await send({ node: b, io, client, member });
    // Behind what it was sent, and no text.
    await b.broadcaster.toUsers('ada').emitWithAck('asks', 1, { timeoutMs: 5_000 });
    await client.settled();
    expect(String(sessionOf(client).offset)).not.toMatch(/^(?:a text|way|asks|exception)$/);
    const id = await breakOff(a, client);
    await b.broadcaster.toSockets(id).emit('missed', 1);
    await b.broadcaster.toRooms('lobby').emit('missed', 2);
    leadTo(b, client);
    expect(await comeBack(client)).toBe(true);
    expect(await received(b, client, 'missed')).toEqual([1, 2]);
    client.close();
    member.close();
  });
});
