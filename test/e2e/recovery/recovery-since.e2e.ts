import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { Cluster, emitTo } from '../../support/cluster.js';
import { leadTo } from '../../support/other-node.js';
import { breakOff, comeBack, received } from '../../support/recovering.js';
import { describeWithRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

/**
 * A bug that was suspected: what a join with `since` answers carries no cursor, so a client that breaks before its next
 * event comes back with an older one, and may be given the same again by its session.
 */
const ROUNDS = 25;
const OPTIONS = {
  history: 'chat:*=1000/1h',
  recoveryWindowMs: 60_000,
  maxSocketsPerUser: 0,
  eventsBurst: 10_000,
  eventsPerSecond: 10_000,
};

interface CatchUpAnswer {
  readonly epoch: string;
  readonly offset: number;
  readonly publications: { readonly args: [number] }[];
}

describe('a client that recovers and joins with a position', () => {
  let gateway: TestGateway | undefined;
  let cluster: Cluster | undefined;

  afterEach(async () => {
    await gateway?.close();
    await cluster?.close();
    gateway = cluster = undefined;
  });

  /** Joins, breaks at once and comes back, while numbers are published; what it got of them, and how many there were. */
  async function round(
    client: TestClient,
    room: string,
    publish: (number: number) => Promise<unknown>,
    /** Has it come back, and gives the gateway that it has come back to. */
    back: () => Promise<TestGateway>,
  ): Promise<{ got: unknown[]; count: number }> {
    await publish(1);
    const { epoch } = (await client.request('room:history', { room })) as unknown as CatchUpAnswer;
    let count = 1;
    let isOver = false;
    const publishing = (async () => {
      while (!isOver) await publish(++count);
    })();
    const since = { epoch, offset: 0 };
    const answer = (await client.request('room:join', { room, since })) as unknown as CatchUpAnswer;
    const at = await back();
    isOver = true;
    await publishing;
    const caughtUp = answer.publications.map(({ args }) => args[0]);
    // What is published last comes last.
    await until('the last has come', async () =>
      [...caughtUp, ...(await received(at, client, room))].includes(count),
    );
    const later = await received(at, client, room);
    return { got: [...caughtUp, ...later], count };
  }
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

  it('[H3] [H4] that breaks before its next event gets each publication once', async () => {
    gateway = await startGateway(OPTIONS);
    const client = await gateway.connect({ auth: { user: 'ada', recovery: true } });
    for (let index = 0; index < ROUNDS; index++) {
      const room = `chat:${index}`;
      const publish = (number: number) => emitTo(gateway!, { rooms: [room] }, room, [number]);
      const { got, count } = await round(client, room, publish, async () => {
        await breakOff(gateway!, client);
        expect(await comeBack(client)).toBe(true);
        return gateway!;
      });
      expect(got).toEqual(numbers(count));
    }
  });

  describeWithRedis('over two nodes', () => {
    it('[H3] [H4] [H6] that breaks before its next event gets each publication once', async () => {
      cluster = await Cluster.start(OPTIONS);
      const { a, b } = cluster;
      const client = await a.connect({ auth: { user: 'ada', recovery: true } });
      let [here, there] = [a, b];
      for (let index = 0; index < ROUNDS; index++) {
        const room = `chat:${index}`;
        const publish = (number: number) => emitTo(there, { rooms: [room] }, room, [number]);
        const { got, count } = await round(client, room, publish, async () => {
          await breakOff(here, client);
          leadTo(there, client);
          [here, there] = [there, here];
          expect(await comeBack(client)).toBe(true);
          return here;
        });
        expect(got).toEqual(numbers(count));
      }
    });
  });
});
