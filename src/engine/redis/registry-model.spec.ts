import fc from 'fast-check';
import { publication, TestNode } from '../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../test/support/redis.js';
import type { Selection, Target } from '../../protocol/publication.js';

/** What anyone can do to the registry; numbers name sockets, users and rooms, of which there are few. */
type Step =
  | { readonly do: 'enter'; readonly socket: number; readonly user: number; readonly node: number }
  | { readonly do: 'leave'; readonly socket: number }
  | { readonly do: 'join' | 'part'; readonly socket: number; readonly room: number };

interface ModelSocket {
  readonly user: string;
  readonly node: number;
  readonly rooms: Set<string>;
}

const socket = fc.nat(7);
const user = fc.nat(3);
const room = fc.nat(3);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('enter' as const), socket, user, node: fc.nat(1) }),
  fc.record({ do: fc.constant('leave' as const), socket }),
  {
    arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'part' as const), socket, room }),
    weight: 3,
  },
);

const selection: fc.Arbitrary<Selection> = fc.record(
  {
    rooms: fc.array(
      room.map((name) => `r${name}`),
      { maxLength: 2 },
    ),
    users: fc.array(
      user.map((name) => `u${name}`),
      { maxLength: 1 },
    ),
    sockets: fc.array(
      socket.map((name) => `s${name}`),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);
const target: fc.Arbitrary<Target> = fc.oneof(
  fc.constant({ all: true } as const),
  { arbitrary: selection, weight: 3 },
  room.map((name) => ({ rooms: [`r${name}`] })),
);

const isIn = (id: string, held: ModelSocket, to: Target): boolean =>
  'all' in to ||
  to.rooms?.some((name) => held.rooms.has(name)) === true ||
  to.users?.includes(held.user) === true ||
  to.sockets?.includes(id) === true;

describeWithRedis('the registry of all nodes beside a model of it', () => {
  let redis: TestRedis;
  let nodes: [TestNode, TestNode];

  beforeAll(async () => {
    redis = await TestRedis.start();
    nodes = [await TestNode.start(redis.url), await TestNode.start(redis.url)];
    nodes[1].acknowledge = async () => ({ responses: [], missing: [] });
  });
  afterAll(async () => {
    await Promise.all(nodes.map(({ engine }) => engine.stop()));
    await redis.kill();
  });

  /** Does the steps to both; what cannot be done to a socket that is not there is done to Redis all the same. */
  async function play(steps: readonly Step[]): Promise<Map<string, ModelSocket>> {
    const model = new Map<string, ModelSocket>();
    for (const each of steps) {
      const id = `s${each.socket}`;
      const held = model.get(id);
      if (each.do === 'enter') {
        if (held) continue;
        model.set(id, { user: `u${each.user}`, node: each.node, rooms: new Set() });
        await nodes[each.node]!.connect(id, `u${each.user}`);
        continue;
      }
      const { holdings } = nodes[held?.node ?? 0]!;
      if (each.do === 'leave') {
        model.delete(id);
        nodes[held?.node ?? 0]!.held.delete(id);
        await holdings.leave(id, true);
      } else if (each.do === 'join') {
        held?.rooms.add(`r${each.room}`);
        await holdings.joined(id, `r${each.room}`);
      } else {
        held?.rooms.delete(`r${each.room}`);
        await holdings.parted(id, `r${each.room}`);
      }
    }
    return model;
  }

  it('[R1] [R4] [D1] answers and counts as the model does, whatever was done before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), target, selection, async (steps, to, except) => {
        const model = await play(steps);
        const sockets = [...model];
        const { registry, engine } = nodes[0];
        const rooms = [...new Set(sockets.flatMap(([, held]) => [...held.rooms]))].toSorted();
        const users = new Set(sockets.map(([, held]) => held.user));
        expect(await registry.counts()).toEqual({
          sockets: model.size,
          users: users.size,
          rooms: rooms.length,
        });
        const listed = await registry.rooms('', {});
        expect(listed.items).toEqual(
          rooms.map((name) => {
            const members = sockets.filter(([, held]) => held.rooms.has(name));
            const names = new Set(members.map(([, held]) => held.user));
            return { room: name, sockets: members.length, users: names.size };
          }),
        );
        const entries = await Promise.all(sockets.map(([id]) => registry.socket(id)));
        const asModelled = sockets.map(([id, held]) => ({
          socketId: id,
          user: held.user,
          node: nodes[held.node]!.id,
          rooms: [...held.rooms],
        }));
        expect(entries).toMatchObject(asModelled);
        const pages = await Promise.all(rooms.map((name) => registry.sockets({ room: name }, {})));
        expect(pages.map((page) => page.items.map(({ socketId }) => socketId).toSorted())).toEqual(
          rooms.map((name) =>
            sockets
              .filter(([, held]) => held.rooms.has(name))
              .map(([id]) => id)
              .toSorted(),
          ),
        );
        const { items } = await registry.users({});
        expect(new Set(items.map((each) => each.user))).toEqual(users);
        const expected = sockets.filter(
          ([id, held]) => held.node === 1 && isIn(id, held, to) && !isIn(id, held, except),
        );
        const { matched } = (await engine.publish(publication(to, { except })).remote)!;
        expect(matched).toBe(expected.length);
        const asked = (await engine.publish(publication(to, { except }), 1).remote)!;
        expect(asked.missing.map(({ socketId }) => socketId).toSorted()).toEqual(
          expected.map(([id]) => id).toSorted(),
        );
        for (const [id, held] of sockets) {
          nodes[held.node]!.held.delete(id);
          await nodes[held.node]!.holdings.leave(id, true);
        }
        expect(await registry.counts()).toEqual({ sockets: 0, users: 0, rooms: 0 });
      }),
      { numRuns: 60 },
    );
  });
});
