import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { History } from '../../../src/rooms/history.service.js';
import { arrivedAt } from '../../support/arrivals.js';
import { Cluster, emitTo } from '../../support/cluster.js';
import { describeWithRedis } from '../../support/redis.js';

interface Position {
  epoch: string;
  offset: number;
}

interface Page extends Position {
  publications: Entry[];
  more: boolean;
}

interface Entry {
  offset: number;
  args: unknown[];
}

describeWithRedis('the history of a room over two nodes', () => {
  let cluster: Cluster;
  let a: TestGateway;
  let b: TestGateway;

  beforeEach(async () => {
    cluster = await Cluster.start({ history: 'chat:*=10000/1h,few:*=3/1h' });
    ({ a, b } = cluster);
  });
  afterEach(() => cluster.close());

  const read = async (node: TestGateway, room: string, more: object = {}): Promise<Page> => {
    const reader = await node.connect();
    return (await reader.request('room:history', { room, ...more })) as unknown as Page;
  };

  it('[H1] [H2] is one history, whichever node was published to and whichever is asked', async () => {
    for (let number = 1; number <= 6; number++) {
      await emitTo(number % 2 ? a : b, { rooms: ['chat:1', 'few:1'] }, 'said', [number]);
    }
    for (const node of [a, b]) {
      const whole = await read(node, 'chat:1');
      expect(whole.publications.map(({ offset, args }) => [offset, ...args])).toEqual(
        [1, 2, 3, 4, 5, 6].map((number) => [number, number]),
      );
      expect(await read(node, 'few:1')).toMatchObject({
        offset: 6,
        publications: [4, 5, 6].map((offset) => ({ offset })),
      });
      const { epoch } = whole;
      const rest = await read(node, 'chat:1', { since: { epoch, offset: 4 }, limit: 1 });
      expect(rest).toMatchObject({ epoch, offset: 6, more: true, publications: [{ offset: 5 }] });
    }
    await a.app.get(History).drop('chat:1');
    expect(await read(b, 'chat:1')).toMatchObject({ publications: [] });
  });

  it('[H3] whoever joins with a position while both nodes publish gets everything after it once, in one order', async () => {
    const first = await a.connect();
    const { epoch, offset } = (await first.request('room:join', {
      room: 'chat:2',
      meta: true,
    })) as unknown as Position;
    let isOver = false;
    const publish = async (node: TestGateway, name: string): Promise<number> => {
      let number = 0;
      while (!isOver) await emitTo(node, { rooms: ['chat:2'] }, 'said', [name, ++number]);
      return number;
    };
    const publishing = Promise.all([publish(a, 'a'), publish(b, 'b')]);
    const joiners: { client: TestClient; caughtUp: Entry[] }[] = [];
    for (let round = 0; round < 24; round++) {
      const client = await (round % 2 ? a : b).connect({ transport: round % 3 ? 'websocket' : 'polling' });
      const answer = await client.request('room:join', {
        room: 'chat:2',
        since: { epoch, offset },
        meta: true,
      });
      expect(answer).toMatchObject({ ok: true, recovered: true });
      joiners.push({ client, caughtUp: answer['publications'] as Entry[] });
    }
    isOver = true;
    const counts = await publishing;
    await emitTo(a, { rooms: ['chat:2'] }, 'end');
    const total = counts[0] + counts[1] + 1;
    const whole = Array.from({ length: total }, (_, index) => offset + 1 + index);
    for (const { client, caughtUp } of joiners) {
      await client.next('end');
      const live = client.queue.log
        .filter(({ event }) => event === 'said' || event === 'end')
        .map(({ args }) => (args.at(-1) as Position).offset);
      expect([...caughtUp.map((each) => each.offset), ...live]).toEqual(whole);
    }
  });

  it('[H5] every publication carries the same position on all nodes, and a client resumes with it on the other one', async () => {
    const [one, two] = [await a.connect(), await b.connect()];
    for (const client of [one, two]) await client.request('room:join', { room: 'chat:3', meta: true });
    for (let number = 1; number <= 10; number++) {
      await emitTo(number % 2 ? a : b, { rooms: ['chat:3'] }, 'said', [number]);
    }
    const taken = async (client: TestClient): Promise<unknown[][]> => {
      const got: unknown[][] = [];
      while (got.length < 10) got.push(await client.next('said'));
      return got;
    };
    const atOne = await taken(one);
    expect(atOne).toEqual(await taken(two));
    expect(atOne.map(([number]) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const { epoch, offset } = atOne[3]![1] as Position;
    const third = await b.connect();
    const answer = await third.request('room:join', { room: 'chat:3', since: { epoch, offset } });
    expect(answer).toMatchObject({ recovered: true, epoch, offset: 10 });
    expect((answer['publications'] as Entry[]).map(({ args }) => args[0])).toEqual([5, 6, 7, 8, 9, 10]);
    expect(arrivedAt(third, 'said')).toEqual([]);
  });

  it('[H2] a position that is no longer covered on one node is not covered on the other', async () => {
    const client = await a.connect();
    const { epoch, offset } = (await client.request('room:join', {
      room: 'few:2',
      meta: true,
    })) as unknown as Position;
    for (let number = 1; number <= 5; number++) await emitTo(b, { rooms: ['few:2'] }, 'said', [number]);
    for (const node of [a, b]) {
      const other = await node.connect();
      expect(await other.request('room:join', { room: 'few:2', since: { epoch, offset } })).toMatchObject({
        recovered: false,
        publications: [],
      });
      expect(
        await other.request('room:join', { room: 'few:2', since: { epoch: `${epoch}x`, offset: 5 } }),
      ).toMatchObject({ recovered: false });
    }
  });
});
