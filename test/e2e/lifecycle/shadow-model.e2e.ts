import fc from 'fast-check';
import {
  startGateway,
  type ClientOptions,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';

const SOCKETS = 200;
const USERS = 40;
const PUBLISHERS = 10;
const SHARED_ROOMS = 12;
/** Rooms that one publisher alone changes and addresses, while the others publish. */
const OWN_ROOMS = 2;

const KINDS: readonly ClientOptions[] = [
  ...Array.from({ length: 16 }, (): ClientOptions => ({ version: 4, transport: 'websocket' })),
  { version: 4, transport: 'polling' },
  { version: 4, transport: 'upgrade' },
  { version: 3, transport: 'websocket' },
  { version: 2, transport: 'websocket' },
  { version: 2, transport: 'polling' },
];

type Parts = { rooms?: string[]; users?: string[]; sockets?: string[] };

interface Publication {
  to: { all: true } | Parts;
  except: Parts;
  seq: number;
  binary: boolean;
}

type Action =
  { kind: 'publish'; publication: Publication } | { kind: 'join' | 'leave'; socket: number; room: string };

/** How a publisher gets to the gateway; each keeps its own order. */
const CHANNELS = ['requests', 'one batch', 'in process'] as const;
type Channel = (typeof CHANNELS)[number];

const socketIndex = fc.nat(SOCKETS - 1);
const someOf = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { minLength: 1, maxLength: 3 });
const sharedRoom = fc.nat(SHARED_ROOMS - 1).map((number) => `shared-${number}`);
const user = fc.nat(USERS - 1).map((number) => `user-${number}`);

/** One thing a publisher does, with numbers in place of what only a run knows. */
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      toAll: fc.integer({ min: 0, max: 5 }).map((number) => number === 0),
      to: fc.record(
        { rooms: someOf(sharedRoom), users: someOf(user), sockets: someOf(socketIndex) },
        { requiredKeys: [] },
      ),
      ownRoom: fc.option(fc.nat(OWN_ROOMS - 1), { nil: undefined }),
      except: fc.record(
        { rooms: someOf(sharedRoom), users: someOf(user), sockets: someOf(socketIndex) },
        { requiredKeys: [] },
      ),
      binary: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('join' as const, 'leave' as const),
      socket: socketIndex,
      ownRoom: fc.nat(OWN_ROOMS - 1),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const scenario = fc.record({
  /** For each socket, a bit per shared room. */
  membership: fc.array(fc.nat(2 ** SHARED_ROOMS - 1), { minLength: SOCKETS, maxLength: SOCKETS }),
  publishers: fc.array(
    fc.record({
      channel: fc.constantFrom(...CHANNELS),
      steps: fc.array(step, { minLength: 4, maxLength: 16 }),
    }),
    { minLength: PUBLISHERS, maxLength: PUBLISHERS },
  ),
});

/** Who is where, by plain sets: the rules of [D1] word for word. */
class Shadow {
  readonly rooms = new Map<string, Set<number>>();

  join(socket: number, room: string): void {
    this.rooms.set(room, (this.rooms.get(room) ?? new Set()).add(socket));
  }

  leave(socket: number, room: string): void {
    this.rooms.get(room)?.delete(socket);
  }

  recipients({ to, except }: Publication, idOf: (socket: number) => string): number[] {
    const isIn = (socket: number, { rooms, users, sockets }: Parts): boolean =>
      rooms?.some((room) => this.rooms.get(room)?.has(socket)) === true ||
      users?.includes(userOf(socket)) === true ||
      sockets?.includes(idOf(socket)) === true;
    return Array.from({ length: SOCKETS }, (_, socket) => socket).filter(
      (socket) => ('all' in to || isIn(socket, to)) && !isIn(socket, except),
    );
  }
}

const userOf = (socket: number): string => `user-${socket % USERS}`;

describe('delivery against a shadow model', () => {
  let gateway: TestGateway;
  const clients: TestClient[] = [];
  let run = 0;

  const idOf = (socket: number): string => clients[socket]!.id!;
  const batch = async (commands: object[]): Promise<void> => {
    for (let start = 0; start < commands.length; start += 1_000) {
      const answer = await gateway.http<{ results: { ok: boolean }[] }>('POST', '/v1/batch', {
        commands: commands.slice(start, start + 1_000),
      });
      expect(answer.body.results.filter(({ ok }) => !ok)).toEqual([]);
    }
  };

  beforeAll(async () => {
    gateway = await startGateway({ eventsPerSecond: 10_000, eventsBurst: 10_000 });
    for (let start = 0; start < SOCKETS; start += 20) {
      const connected = Array.from({ length: 20 }, async (_, offset) => {
        const socket = start + offset;
        const client = await gateway.connect({
          ...KINDS[socket % KINDS.length],
          auth: { user: userOf(socket) },
        });
        // [L3] Whoever is told of a socket by its client can ask for it.
        expect((await gateway.http('GET', `/v1/sockets/${client.id}`)).status).toBe(200);
        return client;
      });
      clients.push(...(await Promise.all(connected)));
    }
  }, 60_000);
  afterAll(async () => {
    // Polling clients that are closed under their feet would still write when the test's modules are gone.
    await batch(Array.from({ length: USERS }, (_, index) => ({ disconnect: { user: `user-${index}` } })));
    await Promise.all(clients.map((client) => client.next('disconnect')));
    await gateway.close();
  });

  /** Puts names in place of numbers. */
  const actionOf = (each: Step, publisher: number, seq: number): Action => {
    if (each.kind !== 'publish') {
      return { kind: each.kind, socket: each.socket, room: `own-${publisher}-${each.ownRoom}` };
    }
    const named = ({
      sockets,
      ...rest
    }: {
      sockets?: number[];
      rooms?: string[];
      users?: string[];
    }): Parts => ({
      ...rest,
      ...(sockets && { sockets: sockets.map(idOf) }),
    });
    const to = named(each.to);
    const rooms = [
      ...(to.rooms ?? []),
      ...(each.ownRoom === undefined ? [] : [`own-${publisher}-${each.ownRoom}`]),
    ];
    const publication: Publication = {
      to: each.toAll ? { all: true } : { ...to, rooms },
      except: named(each.except),
      seq,
      binary: each.binary,
    };
    return { kind: 'publish', publication };
  };

  const event = (): string => `run-${run}`;
  const bodyOf = (publisher: number, { to, except, seq, binary }: Publication): object => ({
    to,
    except,
    event: event(),
    args: [publisher, seq, ...(binary ? [{ $base64: 'AQID' }] : [])],
  });

  const publish: Record<Channel, (publisher: number, actions: readonly Action[]) => Promise<void>> = {
    requests: async (publisher, actions) => {
      for (const action of actions) {
        if (action.kind === 'publish') {
          await gateway.http('POST', '/v1/emit', bodyOf(publisher, action.publication));
        } else {
          const method = action.kind === 'join' ? 'PUT' : 'DELETE';
          await gateway.http(method, `/v1/sockets/${idOf(action.socket)}/rooms/${action.room}`);
        }
      }
    },
    'one batch': (publisher, actions) =>
      batch(
        actions.map((action) =>
          action.kind === 'publish'
            ? { emit: bodyOf(publisher, action.publication) }
            : { [action.kind]: { socketId: idOf(action.socket), room: action.room } },
        ),
      ),
    'in process': async (publisher, actions) => {
      const published: Promise<unknown>[] = [];
      for (const action of actions) {
        if (action.kind === 'publish') {
          const { to, except, seq, binary } = action.publication;
          const args = binary ? [publisher, seq, Buffer.from([1, 2, 3])] : [publisher, seq];
          // Not awaited: order must hold for calls of one turn, too.
          published.push(
            gateway.broadcaster
              .to(to)
              .except(except)
              .emit(event(), ...args),
          );
        } else {
          await batch([{ [action.kind]: { socketId: idOf(action.socket), room: action.room } }]);
        }
      }
      await Promise.all(published);
    },
  };

  const emptyRooms = async (shadow: Shadow): Promise<void> => {
    const commands = [...shadow.rooms].flatMap(([room, members]) =>
      [...members].map((socket) => ({ leave: { room, socketId: idOf(socket) } })),
    );
    await batch(commands);
    expect((await gateway.http('GET', '/v1/stats')).body).toMatchObject({
      sockets: SOCKETS,
      users: USERS,
      rooms: 0,
    });
  };

  it('[D1] [D4] [L3] each of 200 sockets gets exactly what the target rules say, in order per publisher', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ membership, publishers }) => {
        run++;
        const shadow = new Shadow();
        const joins: object[] = [];
        for (const [socket, bits] of membership.entries()) {
          for (let room = 0; room < SHARED_ROOMS; room++) {
            // Sparse: three bits have to be set.
            if (((bits >> room) & 1 & (bits >> (room + 1)) & (bits >> (room + 2))) === 0) continue;
            shadow.join(socket, `shared-${room}`);
            joins.push({ join: { room: `shared-${room}`, socketId: idOf(socket) } });
          }
        }
        await batch(joins);

        const expected = new Map<string, number[]>();
        const plans = publishers.map(({ channel, steps }, publisher) => {
          const actions = steps.map((each, seq) => actionOf(each, publisher, seq));
          for (const action of actions) {
            if (action.kind !== 'publish') {
              shadow[action.kind](action.socket, action.room);
              continue;
            }
            for (const socket of shadow.recipients(action.publication, idOf)) {
              const key = `${socket} from ${publisher}`;
              expected.set(key, [...(expected.get(key) ?? []), action.publication.seq]);
            }
          }
          return { channel, actions };
        });
        expect(expected.size).toBeGreaterThan(SOCKETS);
        await Promise.all(
          plans.map(({ channel, actions }, publisher) => publish[channel](publisher, actions)),
        );

        await Promise.all(clients.map((client) => client.settled()));
        const arrived = new Map<string, number[]>();
        for (const [socket, client] of clients.entries()) {
          for (const received of client.queue.log.splice(0)) {
            if (received.event !== event()) continue;
            const [publisher, seq] = received.args as [number, number];
            const key = `${socket} from ${publisher}`;
            arrived.set(key, [...(arrived.get(key) ?? []), seq]);
          }
        }
        expect(Object.fromEntries(arrived)).toEqual(Object.fromEntries(expected));

        const rooms = await gateway.http<{ items: { room: string; sockets: number; users: number }[] }>(
          'GET',
          '/v1/rooms?limit=1000',
        );
        const counted = [...shadow.rooms]
          .filter(([, members]) => members.size > 0)
          .map(([room, members]) => ({
            room,
            sockets: members.size,
            users: new Set([...members].map(userOf)).size,
          }))
          .toSorted((a, b) => (a.room < b.room ? -1 : 1));
        expect(rooms.body.items).toEqual(counted);
        await emptyRooms(shadow);
      }),
      { numRuns: 4, endOnFailure: true },
    );
  }, 60_000);

  it('[L3] a socket that was ended is in no answer any longer, the others are', async () => {
    const [gone, ...rest] = clients;
    const goneId = gone!.id!;
    await gateway.http('DELETE', `/v1/sockets/${goneId}`);
    const { body } = await gateway.http<{ items: { socketId: string }[]; total: number }>(
      'GET',
      '/v1/sockets?limit=1000',
    );
    expect(body.total).toBe(SOCKETS - 1);
    expect(new Set(body.items.map(({ socketId }) => socketId))).toEqual(new Set(rest.map(({ id }) => id)));
    expect((await gateway.http('GET', `/v1/sockets/${goneId}`)).status).toBe(404);
  });
});
