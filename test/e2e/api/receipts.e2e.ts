import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import type { GatewaySocket } from 'switchboard-gateway';
import { OpenReceipts } from '../../../src/delivery/open-receipts.js';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { arrivedAt } from '../../support/arrivals.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { RawWebSocket } from '../../support/raw-clients.js';
import { until } from '../../support/until.js';

interface AckAnswer {
  id: string;
  responses: { socketId: string; user: string; args: unknown[] }[];
  missing: { socketId: string; user: string | null }[];
}

/** Longer than any test: whoever waits for it has not noticed that all is over. */
const NEVER_MS = 60_000;
const TARGETS = 2_000;
/** Connecting all of them at once would only fill the queue of the listening socket. */
const AT_ONCE = 100;

const socketsOf = ({ app }: TestGateway): GatewaySocket[] => [...app.get(Namespaces).allSockets()];

/** Neither a publication that waits nor, in any socket, an acknowledgement that could still come. */
function expectNothingLeft(gateway: TestGateway): void {
  expect(gateway.app.get(OpenReceipts).size).toBe(0);
  const open = socketsOf(gateway).map(
    (socket) => (socket as unknown as { acks: Map<number, unknown> }).acks.size,
  );
  expect(open.filter((size) => size > 0)).toEqual([]);
}

const numberOf = (question: string): string => /^42(\d+)/.exec(question)![1]!;

describe('receipts', () => {
  let gateway: TestGateway;

  const emit = async (body: object): Promise<AckAnswer> => {
    const answer = await gateway.http<AckAnswer>('POST', '/v1/emit', body);
    expect(answer.status).toBe(200);
    return answer.body;
  };

  beforeEach(async () => {
    gateway = await startGateway();
  });
  afterEach(() => gateway.close());

  it('[D6] of 2,000 sockets each is in the answer once: those that answered, even twice, and those that left', async () => {
    const clients: RawWebSocket[] = [];
    while (clients.length < TARGETS) {
      const users = Array.from({ length: AT_ONCE }, (_, n) => `user-${clients.length + n}`);
      clients.push(...(await Promise.all(users.map((user) => RawWebSocket.connect(gateway.url, { user })))));
    }
    const asked = clients.map(async (client, n) => {
      const number = numberOf(await client.next('42'));
      if (n % 4 === 0) client.close();
      else client.send(`43${number}["${n}"]`);
      if (n % 4 === 1) client.send(`43${number}["again"]`);
    });
    const { responses, missing } = await emit({
      to: { all: true },
      event: 'question',
      ack: { timeoutMs: NEVER_MS },
    });
    await Promise.all(asked);
    expect([responses.length, missing.length]).toEqual([1_500, 500]);
    expect(new Set([...responses, ...missing].map(({ socketId }) => socketId)).size).toBe(TARGETS);
    for (const { user, args } of responses) expect(`user-${String(args[0])}`).toBe(user);
    for (const { user } of missing) expect(Number(user!.slice('user-'.length)) % 4).toBe(0);
    await until('the second answers are in', () => socketsOf(gateway).length === 1_500);
    expectNothingLeft(gateway);
    for (const client of clients) client.close();
  }, 60_000);

  it('[D6] whoever has not answered in time is missing, and a late answer changes nothing', async () => {
    const [quick, slow] = [
      await RawWebSocket.connect(gateway.url, { user: 'quick' }),
      await RawWebSocket.connect(gateway.url, { user: 'slow' }),
    ];
    const answered = quick.next('42').then((question) => quick.send(`43${numberOf(question)}["in time"]`));
    const { responses, missing } = await emit({ to: { all: true }, event: 'x', ack: { timeoutMs: 2_000 } });
    await answered;
    expect(responses.map(({ user, args }) => [user, args])).toEqual([['quick', ['in time']]]);
    expect(missing.map(({ user }) => user)).toEqual(['slow']);
    expectNothingLeft(gateway);
    slow.send(`43${numberOf(await slow.next('42'))}["late"]`);
    slow.send('420["socket:info"]');
    expect(await slow.next('43')).toContain('"ok":true');
    expectNothingLeft(gateway);
    for (const client of [quick, slow]) client.close();
  });

  it('[D1] [D6] a socket in several targets is asked once and answers once', async () => {
    const ada = await gateway.connect({ auth: { user: 'ada' } });
    await ada.request('room:join', { room: 'lobby' });
    await ada.request('room:join', { room: 'attic' });
    ada.answer('question', () => 'here');
    const { responses, missing } = await emit({
      to: { rooms: ['lobby', 'attic', 'user:ada'], users: ['ada'], sockets: [ada.id, ada.id] },
      event: 'question',
      ack: { timeoutMs: NEVER_MS },
    });
    expect(responses).toEqual([{ socketId: ada.id, user: 'ada', args: ['here'] }]);
    expect(missing).toEqual([]);
    expect(arrivedAt(ada, 'question')).toHaveLength(1);
  });

  it('[D4] [D6] what asks for an answer keeps its place, also where the client recovers', async () => {
    const ada = await gateway.connect({ auth: { user: 'ada', recovery: true } });
    const seen: unknown[] = [];
    ada.socket.on('n', (...args) => {
      seen.push(args[0]);
      const acknowledge = args.at(-1);
      if (typeof acknowledge === 'function') acknowledge('got it');
    });
    const target = gateway.broadcaster.toUsers('ada');
    const asked: Promise<{ responses: unknown[] }>[] = [];
    for (let n = 1; n < 20; n += 2) {
      void target.emit('n', n);
      asked.push(target.emitWithAck('n', n + 1, { timeoutMs: NEVER_MS }));
    }
    for (const { responses } of await Promise.all(asked)) expect(responses).toHaveLength(1);
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it('[D6] answers find their own question, however many are open', async () => {
    const ada = await gateway.connect({ auth: { user: 'ada' } });
    const waiting: (() => void)[] = [];
    ada.socket.on('question', (n, acknowledge) =>
      waiting.push(() => (acknowledge as (n: unknown) => void)(n)),
    );
    const asked = Array.from({ length: 300 }, (_, n) =>
      gateway.broadcaster.toUsers('ada').emitWithAck('question', n, { timeoutMs: NEVER_MS }),
    );
    await until('all were asked', () => waiting.length === 300);
    for (const answer of waiting.toReversed()) answer();
    const answers = await Promise.all(asked);
    expect(answers.map(({ responses }) => responses[0]!.args[0])).toEqual(answers.map((_, n) => n));
    expectNothingLeft(gateway);
  });

  it('[D6] a socket that ends is missing in everything that waits for it, and nothing else', async () => {
    const [leaver, stayer] = [
      await gateway.connect({ auth: { user: 'leaver' } }),
      await gateway.connect({ auth: { user: 'stayer' } }),
    ];
    const waiting: ((answer: string) => void)[] = [];
    stayer.socket.on('question', (acknowledge) => waiting.push(acknowledge as (answer: string) => void));
    const ask = (...users: string[]) =>
      gateway.broadcaster.toUsers(...users).emitWithAck('question', { timeoutMs: NEVER_MS });
    const ofLeaver = Array.from({ length: 200 }, () => ask('leaver'));
    const ofBoth = Array.from({ length: 200 }, () => ask('leaver', 'stayer'));
    const ofStayer = Array.from({ length: 200 }, () => ask('stayer'));
    await until('all were asked', () => waiting.length === 400);
    const leaverId = leaver.id;
    leaver.close();
    for (const { responses, missing } of await Promise.all(ofLeaver)) {
      expect([responses, missing]).toEqual([[], [{ socketId: leaverId, user: 'leaver' }]]);
    }
    expect(gateway.app.get(OpenReceipts).size).toBe(400);
    for (const answer of waiting) answer('here');
    for (const { responses, missing } of await Promise.all(ofBoth)) {
      expect(responses.map(({ user }) => user)).toEqual(['stayer']);
      expect(missing.map(({ user }) => user)).toEqual(['leaver']);
    }
    for (const { missing } of await Promise.all(ofStayer)) expect(missing).toEqual([]);
    expectNothingLeft(gateway);
  });

  it('[D6] a socket that the question itself ends is missing at once', async () => {
    const ada = await gateway.connect({ auth: { user: 'ada' } });
    const { id } = ada;
    const [socket] = socketsOf(gateway);
    socket!.onAnyOutgoing((event) => {
      if (event === 'question') socket!.disconnect(true);
    });
    const { responses, missing } = await emit({
      to: { all: true },
      event: 'question',
      ack: { timeoutMs: NEVER_MS },
    });
    expect([responses, missing]).toEqual([[], [{ socketId: id, user: 'ada' }]]);
    expectNothingLeft(gateway);
  });

  it('[D6] what cannot be sent leaves nothing that waits', async () => {
    await gateway.connect({ auth: { user: 'ada' } });
    await expect(
      gateway.broadcaster.toAll().emitWithAck('question', 10n, { timeoutMs: NEVER_MS }),
    ).rejects.toMatchObject({ code: 'payload.invalid' });
    expectNothingLeft(gateway);
  });
});

@WebSocketGateway({ namespace: 'admin' })
class AdminGateway {
  @SubscribeMessage('anything')
  anything(): void {}
}

describe('receipts of several namespaces', () => {
  afterEach(closeEmbeddings);

  it('[D6] every socket is asked, on whichever it is, and answers for itself', async () => {
    const gateway = await startEmbedding({ providers: [AdminGateway] });
    const clients: TestClient[] = [];
    for (const namespace of ['/', '/admin', '/', '/admin']) {
      clients.push(await gateway.connect({ namespace, auth: { user: 'ada' } }));
    }
    for (const client of clients.slice(0, 3)) client.answer('question', () => client.id);
    const { id } = clients[3]!;
    clients[3]!.socket.on('question', () => clients[3]!.close());
    const { responses, missing } = await gateway.broadcaster
      .toUsers('ada')
      .emitWithAck('question', { timeoutMs: NEVER_MS });
    expect(responses.map(({ socketId }) => socketId).toSorted()).toEqual(
      clients
        .slice(0, 3)
        .map((client) => client.id)
        .toSorted(),
    );
    for (const { socketId, args } of responses) expect(args).toEqual([socketId]);
    expect(missing).toEqual([{ socketId: id, user: 'ada' }]);
    expectNothingLeft(gateway);
  });
});
