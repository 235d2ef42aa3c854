import fc from 'fast-check';
import { startGateway, TestGateway, type TestClient } from 'switchboard-gateway/testing';
import { EAGER } from '../../support/client-matrix.js';
import { CuttingProxy } from '../../support/cutting-proxy.js';
import { sessionOf } from '../../support/recovering.js';
import { until } from '../../support/until.js';

const SEATS = 4;
const ROOMS = ['plain:a', 'plain:b', 'kept:c'] as const;
const USERS = ['ada', 'bob'] as const;
const userOf = (seat: number): string => USERS[seat % USERS.length]!;

type Step =
  | {
      readonly do: 'publish';
      readonly rooms: readonly string[];
      readonly users: readonly string[];
      readonly seats: readonly number[];
      readonly large: boolean;
    }
  | { readonly do: 'all'; readonly exceptRoom: string }
  | { readonly do: 'join' | 'leave'; readonly seat: number; readonly room: string }
  | { readonly do: 'cut' | 'abandon'; readonly seat: number }
  | { readonly do: 'cut-after'; readonly seat: number; readonly bytes: number }
  | { readonly do: 'settle' };

const seat = fc.nat(SEATS - 1);
const room = fc.constantFrom(...ROOMS);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant('publish' as const),
        rooms: fc.array(room, { maxLength: 2 }),
        users: fc.array(fc.constantFrom(...USERS), { maxLength: 1 }),
        seats: fc.array(seat, { maxLength: 1 }),
        large: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('all' as const), exceptRoom: room }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'leave' as const), seat, room }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'abandon' as const), seat }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('cut-after' as const),
        seat,
        bytes: fc.integer({ min: 1, max: 20_000 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  ),
  { minLength: 20, maxLength: 80 },
);

/** A client with a network of its own, and what it has to get. */
interface Seat {
  readonly proxy: CuttingProxy;
  readonly client: TestClient;
  readonly id: string;
  readonly rooms: Set<string>;
  readonly due: number[];
  readonly got: number[];
}

async function sit(gateway: TestGateway, index: number): Promise<Seat> {
  const proxy = await CuttingProxy.to(gateway.port);
  const client = await new TestGateway(gateway.app, proxy.url).connect({
    transport: index % 2 === 0 ? 'websocket' : 'polling',
    auth: { user: userOf(index), recovery: true },
    client: EAGER,
  });
  const got: number[] = [];
  client.socket.on('n', (n) => got.push(n as number));
  // Whoever has noticed that nobody answers finds the way again.
  client.socket.on('disconnect', () => void proxy.mend());
  return { proxy, client, id: client.id!, rooms: new Set(), due: [], got };
}

async function play(gateway: TestGateway, script: readonly Step[]): Promise<void> {
  const seats = await Promise.all(Array.from({ length: SEATS }, (_, index) => sit(gateway, index)));
  const { broadcaster } = gateway;
  let n = 0;
  const owe = (isFor: (each: Seat, index: number) => boolean): number => {
    n++;
    for (const [index, each] of seats.entries()) if (isFor(each, index)) each.due.push(n);
    return n;
  };
  try {
    for (const step of script) {
      if (step.do === 'publish') {
        const number = owe(
          (each, index) =>
            step.rooms.some((name) => each.rooms.has(name)) ||
            step.users.includes(userOf(index)) ||
            step.seats.includes(index),
        );
        const sockets = step.seats.map((index) => seats[index]!.id);
        const target = { rooms: step.rooms, users: step.users, sockets };
        await broadcaster.to(target).emit('n', number, step.large ? 'x'.repeat(3_000) : '');
      } else if (step.do === 'all') {
        const number = owe((each) => !each.rooms.has(step.exceptRoom));
        await broadcaster
          .toAll()
          .except({ rooms: [step.exceptRoom] })
          .emit('n', number);
      } else if (step.do === 'join' || step.do === 'leave') {
        const { client, rooms } = seats[step.seat]!;
        // A request is lost with its connection, so it is made where there is one.
        await isBack(gateway, seats[step.seat]!);
        await client.request(`room:${step.do}`, { room: step.room });
        if (step.do === 'join') rooms.add(step.room);
        else rooms.delete(step.room);
      } else if (step.do === 'cut') {
        seats[step.seat]!.proxy.cut();
      } else if (step.do === 'abandon') {
        const { proxy, client } = seats[step.seat]!;
        proxy.abandon();
        if (!client.socket.connected) await proxy.mend();
      } else if (step.do === 'cut-after') {
        seats[step.seat]!.proxy.cutAfter(step.bytes);
      } else {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    for (const [index, each] of seats.entries()) {
      each.proxy.cutAfter(Infinity);
      await each.proxy.mend();
      await isBack(gateway, each);
      await until(`seat ${index} has all`, () => each.got.length >= each.due.length);
      await each.client.settled();
      expect([index, each.client.id, each.got]).toEqual([index, each.id, each.due]);
      expect(sessionOf(each.client).pid).toEqual(expect.any(String));
    }
  } finally {
    for (const { client, proxy } of seats) {
      client.close();
      await proxy.close();
    }
  }
}

/** Connected, and through with what it was sent when it came. */
async function isBack(gateway: TestGateway, { client, proxy }: Seat): Promise<void> {
  proxy.cutAfter(Infinity);
  await until('it is back', async () => {
    if (!client.socket.connected) return false;
    const alive = new Promise<boolean>((resolve) => {
      client.socket.on('disconnect', () => resolve(false));
      client.emit('socket:info', () => resolve(true));
    });
    return alive;
  });
}

it('[H4] [D1] gets nothing that was for all but a room that its client left after that', async () => {
  const gateway = await startGateway({ recoveryWindowMs: 60_000 });
  const toOne = { do: 'publish', rooms: [], users: [], seats: [0], large: false } as const;
  try {
    await play(gateway, [
      toOne,
      { do: 'join', seat: 0, room: 'plain:a' },
      { do: 'all', exceptRoom: 'plain:a' },
      { do: 'leave', seat: 0, room: 'plain:a' },
      // What is sent now is lost: its client comes back with the cursor from before all this.
      { do: 'abandon', seat: 0 },
      toOne,
    ]);
  } finally {
    await gateway.close();
  }
});

it('[H4] clients whose network breaks again and again lose nothing, and get nothing twice or out of order', async () => {
  const gateway = await startGateway({
    history: 'kept:*=5/1h',
    recoveryWindowMs: 60_000,
    maxSocketsPerUser: 0,
    eventsPerSecond: 1e6,
    eventsBurst: 1e6,
  });
  try {
    await fc.assert(
      fc.asyncProperty(steps, (script) => play(gateway, script)),
      { numRuns: Number(process.env['RECOVERY_RUNS'] ?? 10), endOnFailure: true },
    );
  } finally {
    await gateway.close();
  }
}, 120_000);
