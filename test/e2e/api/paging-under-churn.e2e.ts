import fc from 'fast-check';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';

type Item = Record<'socketId' | 'user' | 'room', string>;

interface Page {
  items: Item[];
  next: string | null;
  total: number;
}

/** The lists, and the member that names an item. */
const LISTS = [
  ['/v1/sockets?', 'socketId'],
  ['/v1/sockets?room=chat&', 'socketId'],
  ['/v1/sockets?user=resident-0&', 'socketId'],
  ['/v1/users?', 'user'],
  ['/v1/rooms?', 'room'],
  ['/v1/rooms?prefix=home-&', 'room'],
  ['/v1/rooms/chat/members?', 'user'],
] as const;

const RESIDENT_USERS = 8;
const SOCKETS_PER_RESIDENT = 3;

/** What a guest may do between two pages. */
const step = fc.record({
  kind: fc.constantFrom('come', 'come as resident', 'go', 'enter', 'leave', 'wander'),
  which: fc.nat(1_000),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

describe('walking lists while sockets come and go', () => {
  let gateway: TestGateway;
  let guests: TestClient[] = [];
  const residents: TestClient[] = [];

  const put = (client: TestClient, room: string) =>
    gateway.http('PUT', `/v1/sockets/${client.id}/rooms/${room}`);

  const come = async (user: string): Promise<void> => {
    guests.push(await gateway.connect({ auth: { user } }));
  };

  const take = async ({ kind, which }: Step): Promise<void> => {
    const guest = guests[which % Math.max(1, guests.length)];
    if (kind === 'come') return come(`guest-${which % 5}`);
    if (kind === 'come as resident') return come(`resident-${which % RESIDENT_USERS}`);
    if (!guest) return;
    if (kind === 'go') {
      guests = guests.filter((each) => each !== guest);
      await gateway.http('DELETE', `/v1/sockets/${guest.id}`);
    } else if (kind === 'leave') {
      await gateway.http('DELETE', `/v1/sockets/${guest.id}/rooms/chat`);
    } else {
      // Names before, between and after those of the residents.
      await put(guest, kind === 'enter' ? 'chat' : ['a', 'home-05', 'home-3', 'home-9', 'z'][which % 5]!);
    }
  };

  const walk = async (
    list: string,
    limit: number,
    steps: readonly Step[],
    perPage: number,
  ): Promise<Item[]> => {
    const items: Item[] = [];
    const pending = [...steps];
    let cursor = '';
    for (;;) {
      const { body } = await gateway.http<Page>(
        'GET',
        `${list}limit=${limit}${cursor && `&cursor=${cursor}`}`,
      );
      items.push(...body.items);
      if (body.next === null) return items;
      cursor = body.next;
      for (const next of pending.splice(0, perPage)) await take(next);
    }
  };

  /** What has to be in a list: everything that is there from before the walk until after it. */
  const resident = (list: string): string[] => {
    if (list.includes('user=resident-0')) {
      return residents.slice(0, SOCKETS_PER_RESIDENT).map((client) => client.id!);
    }
    if (list.startsWith('/v1/sockets')) return residents.map((client) => client.id!);
    const indexes = Array.from({ length: RESIDENT_USERS }, (_, index) => index);
    if (list.startsWith('/v1/users') || list.endsWith('/members?'))
      return indexes.map((index) => `resident-${index}`);
    const homes = indexes.map((index) => `home-${index}`);
    return list.includes('prefix') ? homes : ['chat', ...homes];
  };

  beforeAll(async () => {
    gateway = await startGateway({ maxSocketsPerUser: 1_000 });
    for (let index = 0; index < RESIDENT_USERS; index++) {
      for (let each = 0; each < SOCKETS_PER_RESIDENT; each++) {
        residents.push(await gateway.connect({ auth: { user: `resident-${index}` } }));
      }
      await gateway.http('PUT', `/v1/users/resident-${index}/rooms/chat`);
      await gateway.http('PUT', `/v1/users/resident-${index}/rooms/home-${index}`);
    }
  });
  afterAll(() => gateway.close());

  it.each(LISTS)(
    '[R3] %s returns each %s that is there during the whole walk exactly once',
    async (list, name) => {
      await fc.assert(
        fc
          .asyncProperty(
            fc.integer({ min: 1, max: 9 }),
            fc.integer({ min: 1, max: 6 }),
            fc.array(step, { minLength: 20, maxLength: 60 }),
            async (limit, perPage, steps) => {
              const items = await walk(list, limit, steps, perPage);
              const times = new Map<string, number>();
              for (const item of items) times.set(item[name], (times.get(item[name]) ?? 0) + 1);
              for (const expected of resident(list))
                expect([expected, times.get(expected)]).toEqual([expected, 1]);
            },
          )
          .afterEach(async () => {
            await Promise.all(guests.map((guest) => gateway.http('DELETE', `/v1/sockets/${guest.id}`)));
            guests = [];
          }),
        { numRuns: 6 },
      );
    },
  );
});
