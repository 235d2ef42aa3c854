import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt, recipientsOf } from '../../support/arrivals.js';
import { bodyOf, Cluster, emitTo } from '../../support/cluster.js';
import { describeWithRedis } from '../../support/redis.js';

const RECOVERY = { recovery: true };

/** What both nodes have published until now has come: a publication of each is put behind it and waited for. */
async function settle({ a, b }: Cluster, ...clients: TestClient[]): Promise<void> {
  await Promise.all([emitTo(a, { all: true }, 'last'), emitTo(b, { all: true }, 'last')]);
  for (const client of clients) {
    await client.next('last');
    await client.next('last');
  }
}

describeWithRedis('delivery over two nodes', () => {
  let cluster: Cluster;
  let a: TestGateway;
  let b: TestGateway;
  let clients: Record<string, TestClient>;

  beforeEach(async () => {
    cluster = await Cluster.start();
    ({ a, b } = cluster);
    clients = {
      adaA: await a.connect({ auth: { user: 'ada' } }),
      adaB: await b.connect({ auth: { user: 'ada' }, transport: 'polling' }),
      bobB: await b.connect({ auth: { user: 'bob', ...RECOVERY } }),
      cleoA: await a.connect({ auth: { user: 'cleo', ...RECOVERY } }),
    };
    for (const name of ['adaA', 'bobB']) await clients[name]!.request('room:join', { room: 'lobby' });
    for (const name of ['adaB', 'cleoA']) await clients[name]!.request('room:join', { room: 'cellar' });
  });
  afterEach(() => cluster.close());

  it('[D1] reaches each target on all nodes once, from either of them, and says how many these are', async () => {
    const { adaB, bobB, cleoA } = clients as Record<string, TestClient & { id: string }>;
    const everyone = { adaA: 1, adaB: 1, bobB: 1, cleoA: 1 };
    const cases: [to: object, except: object, expected: Record<string, number>][] = [
      [{ all: true }, {}, everyone],
      [{ rooms: ['lobby'] }, {}, { adaA: 1, bobB: 1 }],
      [{ users: ['ada'] }, {}, { adaA: 1, adaB: 1 }],
      [{ sockets: [adaB!.id] }, {}, { adaB: 1 }],
      [{ sockets: [bobB!.id, 'nobody'] }, {}, { bobB: 1 }],
      // A socket is in the room of its own ID.
      [{ rooms: [bobB!.id, cleoA!.id] }, {}, { bobB: 1, cleoA: 1 }],
      [{ rooms: [bobB!.id] }, { rooms: [cleoA!.id] }, { bobB: 1 }],
      [{ all: true }, { rooms: [adaB!.id, cleoA!.id] }, { adaA: 1, bobB: 1 }],
      [{ rooms: ['lobby', 'cellar'], users: ['ada', 'bob'], sockets: [bobB!.id] }, {}, everyone],
      [{ all: true }, { users: ['ada'] }, { bobB: 1, cleoA: 1 }],
      [{ all: true }, { rooms: ['lobby'] }, { adaB: 1, cleoA: 1 }],
      [{ rooms: ['lobby', 'cellar'] }, { sockets: [adaB!.id, cleoA!.id] }, { adaA: 1, bobB: 1 }],
      [{ rooms: ['lobby'] }, { sockets: [bobB!.id] }, { adaA: 1 }],
      [{ users: ['ada'] }, { rooms: ['lobby'], sockets: ['nobody'] }, { adaB: 1 }],
      [{ rooms: ['empty'] }, {}, {}],
    ];
    for (const [index, [to, except, expected]] of cases.entries()) {
      for (const [from, node] of Object.entries({ a, b })) {
        const event = `case-${index}-${from}`;
        const matched = await emitTo(node, to, event, [index], { except });
        await settle(cluster, ...Object.values(clients));
        const told = { [event]: matched };
        expect(told).toEqual({ [event]: Object.keys(expected).length });
        expect({ [event]: await recipientsOf(event, clients) }).toEqual({ [event]: expected });
      }
    }
  });

  it('[D4] keeps the order of each publisher for plain and for tracking sockets, whatever node they are on', async () => {
    const { adaA, adaB, bobB, cleoA } = clients as Record<string, TestClient>;
    const COUNT = 60;
    const targets = [{ all: true }, { rooms: ['lobby', 'cellar'] }, { users: ['ada', 'bob', 'cleo'] }];
    const publish = async (node: TestGateway, name: string): Promise<void> => {
      for (let number = 0; number < COUNT; number++) {
        await emitTo(node, targets[number % targets.length]!, 'number', [name, number]);
      }
    };
    const burst = async (node: TestGateway, name: string): Promise<void> => {
      for (let start = 0; start < COUNT; start += 20) {
        const commands = Array.from({ length: 20 }, (_, index) => ({
          emit: { to: targets[index % targets.length], event: 'number', args: [name, start + index] },
        }));
        await bodyOf(node.http('POST', '/v1/batch', { commands }));
      }
    };
    await Promise.all([publish(a, 'a'), publish(b, 'b'), burst(a, 'batches of a'), burst(b, 'batches of b')]);
    await settle(cluster, ...Object.values(clients));
    const inOrder = Array.from({ length: COUNT }, (_, number) => number);
    for (const client of [adaA!, adaB!, bobB!, cleoA!]) {
      const got = arrivedAt(client, 'number');
      for (const name of ['a', 'b', 'batches of a', 'batches of b']) {
        expect(got.filter(([from]) => from === name).map(([, number]) => number)).toEqual(inOrder);
      }
    }
    // Those that track positions agree on one order of all nodes.
    const order = (client: TestClient): unknown[] =>
      arrivedAt(client, 'number').map(([name, number]) => `${String(name)} ${String(number)}`);
    expect(order(bobB!)).toEqual(order(cleoA!));
  });

  it('[D4] what a client sends in a room arrives on the other node in that order, echo and except included', async () => {
    const { adaA, bobB } = clients as Record<string, TestClient>;
    for (let number = 0; number < 40; number++) {
      const echo = number % 2 === 0;
      adaA!.emit('room:emit', { room: 'lobby', event: 'said', args: [number], echo });
    }
    await adaA!.settled();
    await settle(cluster, adaA!, bobB!);
    // A client that can recover gets the cursor behind the arguments.
    expect(arrivedAt(bobB!, 'said').map(([number]) => number)).toEqual([...Array(40).keys()]);
    expect(arrivedAt(adaA!, 'said').map(([number]) => number)).toEqual(
      [...Array(40).keys()].filter((number) => number % 2 === 0),
    );
  });

  it('[D6] whoever is taken off by its user or a room is not missing, whatever node it is on', async () => {
    const { adaA, adaB, bobB, cleoA } = clients as Record<string, TestClient>;
    cleoA!.answer('ask', () => 'here');
    for (const node of [a, b]) {
      const { responses, missing } = await bodyOf<{ responses: object[]; missing: object[] }>(
        node.http('POST', '/v1/emit', {
          to: { sockets: [adaA!.id, adaB!.id, bobB!.id, cleoA!.id, 'nobody'] },
          except: { users: ['ada'], rooms: ['lobby'] },
          event: 'ask',
          ack: { timeoutMs: 3_000 },
        }),
      );
      expect(responses).toEqual([{ socketId: cleoA!.id, user: 'cleo', args: ['here'] }]);
      expect(missing).toEqual([{ socketId: 'nobody', user: null }]);
    }
  });

  it('[D6] collects acknowledgements of all nodes and names who gave none', async () => {
    const { adaA, adaB, bobB, cleoA } = clients as Record<string, TestClient>;
    for (const [name, client] of Object.entries({ adaA: adaA!, adaB: adaB!, bobB: bobB! })) {
      client.answer('ask', (question) => `${name} to ${String(question)}`);
    }
    const askedOf = async (node: TestGateway): Promise<void> => {
      const to = { all: true };
      const body = await bodyOf<{ responses: unknown[]; missing: unknown[] }>(
        node.http('POST', '/v1/emit', { to, event: 'ask', args: ['q'], ack: { timeoutMs: 3_000 } }),
      );
      expect(body.responses).toHaveLength(3);
      expect(body.responses).toEqual(
        expect.arrayContaining([
          { socketId: adaA!.id, user: 'ada', args: ['adaA to q'] },
          { socketId: adaB!.id, user: 'ada', args: ['adaB to q'] },
          { socketId: bobB!.id, user: 'bob', args: ['bobB to q'] },
        ]),
      );
      expect(body.missing).toEqual([{ socketId: cleoA!.id, user: 'cleo' }]);
      const sockets = [adaA!.id, bobB!.id, 'nobody'];
      const some = await bodyOf<{ responses: unknown[]; missing: unknown[] }>(
        node.http('POST', '/v1/emit', {
          to: { sockets },
          event: 'ask',
          args: ['r'],
          ack: { timeoutMs: 5_000 },
        }),
      );
      expect([some.responses.length, some.missing]).toEqual([2, [{ socketId: 'nobody', user: null }]]);
    };
    await Promise.all([askedOf(a), askedOf(b)]);
  });

  it('[D3] binary parts reach the other node as they are', async () => {
    const { bobB, adaA } = clients as Record<string, TestClient>;
    await emitTo(a, { users: ['bob'] }, 'file', [
      { $base64: 'AAEC/w==' },
      { name: 'x', body: { $base64: '' } },
    ]);
    await emitTo(b, { users: ['ada'] }, 'file', [{ $base64: 'AAEC/w==' }]);
    const [file, more] = await bobB!.next('file');
    expect([Buffer.from(file as Buffer), more]).toEqual([
      Buffer.from([0, 1, 2, 255]),
      { name: 'x', body: Buffer.alloc(0) },
    ]);
    expect(Buffer.from((await adaA!.next('file'))[0] as Buffer)).toEqual(Buffer.from([0, 1, 2, 255]));
  });

  it('[D3] dates and the like are the same on all nodes, beside binary parts and not', async () => {
    const { adaA, adaB, bobB } = clients as Record<string, TestClient>;
    const { broadcaster } = a;
    const user = { password: Buffer.from('hunter2'), toJSON: () => ({ name: 'cy', since: new Date(0) }) };
    void broadcaster.toUsers('ada', 'bob').emit('plain', new Date(0), user);
    void broadcaster.toUsers('ada', 'bob').emit('beside', { at: new Date(0), bytes: Buffer.from([7]) }, user);
    const since = '1970-01-01T00:00:00.000Z';
    for (const client of [adaA!, adaB!, bobB!]) {
      expect((await client.next('plain')).slice(0, 2)).toEqual([since, { name: 'cy', since }]);
      const [first, second] = await client.next('beside');
      expect([first, second]).toEqual([
        { at: since, bytes: Buffer.from([7]) },
        { name: 'cy', since },
      ]);
    }
  });
});
