import { readFileSync } from 'node:fs';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import type { StockCase } from './case.js';
import { publicMembers } from './public-members.js';
import { ourWorld, Scene, stockWorld, type World } from './worlds.js';
import { api, MEMBERS } from './cases/api.js';
import { acknowledgements } from './cases/acknowledgements.js';
import { broadcast } from './cases/broadcast.js';
import { namespaces } from './cases/namespaces.js';
import { recovery } from './cases/recovery.js';
import { rooms } from './cases/rooms.js';
import { sockets } from './cases/sockets.js';

const GROUPS: Readonly<Record<string, readonly StockCase[]>> = {
  rooms,
  broadcast,
  acknowledgements,
  sockets,
  namespaces,
  api,
};

/** The groups in which what clients get does not depend on who they say they are. */
const WITH_RECOVERY = { rooms, broadcast, acknowledgements };

/** The rows of the table of accepted differences that are about Socket.IO; those from S20 on are about Nest. */
const accepted = new Set(
  [...readFileSync('docs/protocol.md', 'utf8').matchAll(/^\| (S1?\d) +\|/gm)].map(([, id]) => id!),
);

let number = 0;

async function linesOf(world: World, path: string, { run }: StockCase): Promise<string[]> {
  const scene = new Scene(world, path);
  // Made on all nodes first, as apps do at their start.
  void scene.nodes;
  try {
    await run(scene);
  } catch (failure) {
    scene.log('thrown', failure);
  }
  return scene.end();
}

/** Compares the cases that fit so many nodes. */
function compare(
  worlds: () => readonly [stock: World, ours: World],
  nodes: number,
  groups: typeof GROUPS = GROUPS,
  isWanted: (each: StockCase) => boolean = () => true,
): void {
  for (const [group, cases] of Object.entries(groups)) {
    describe(group, () => {
      const fit = cases.filter((each) => (nodes === 1 ? !each.needsNodes : !each.oneNodeOnly));
      const wanted = fit.filter(isWanted);
      it.each(wanted.map((each) => [each.title, each] as const))('[T1] %s', async (_, each) => {
        const path = `/c${++number}`;
        const [stock, ours] = worlds();
        const expected = await linesOf(stock, path, each);
        const found = await linesOf(ours, path, each);
        if (each.differs === undefined) expect(found).toEqual(expected);
        else expect(found).not.toEqual(expected);
      });
    });
  }
}

describe('an app on stock Socket.IO and on the gateway, one node', () => {
  let worlds: readonly [World, World];
  beforeAll(async () => {
    worlds = [await stockWorld(1), await ourWorld(1)];
  });
  afterAll(() => Promise.all(worlds.map((world) => world.close())));
  compare(() => worlds, 1);
});

describe('an app on stock Socket.IO with recovery and on the gateway', () => {
  let worlds: readonly [World, World];
  beforeAll(async () => {
    worlds = [await stockWorld(1, undefined, { connectionStateRecovery: {} }), await ourWorld(1)];
  });
  afterAll(() => Promise.all(worlds.map((world) => world.close())));
  compare(() => worlds, 1, { recovery });
});

/** Ours on Redis beside stock: with one node stock in its own memory, with several through the sharded adapter. */
const ON_REDIS = [
  { text: 'one node with Redis', nodes: 1, recovers: false },
  { text: 'one node with Redis, clients that recover', nodes: 1, recovers: true },
  { text: 'two nodes, clients that recover', nodes: 2, recovers: true },
  { text: 'three nodes', nodes: 3, recovers: false },
] as const;

describeWithRedis('an app on stock Socket.IO and on the gateway with Redis', () => {
  describe.each(ON_REDIS)('$text', ({ nodes, recovers }) => {
    let worlds: readonly [World, World];
    let redis: TestRedis;
    beforeAll(async () => {
      redis = await TestRedis.start();
      const stock = await stockWorld(nodes, nodes > 1 ? redis : undefined);
      worlds = [stock, await ourWorld(nodes, redis, recovers)];
    });
    afterAll(async () => {
      await Promise.all(worlds.map((world) => world.close()));
      await redis.kill();
    });
    if (!recovers) compare(() => worlds, nodes);
    // Where nothing depends on nodes, the cursor that these get shows too.
    else
      compare(
        () => worlds,
        nodes,
        WITH_RECOVERY,
        ({ oneNodeOnly, showsCursor }) => !oneNodeOnly && !showsCursor,
      );
  });
});

it('[T1] every public member of the classes of Socket.IO has a case', () => {
  const rows = Object.entries(MEMBERS).map(([name, members]) => [name, Object.keys(members).toSorted()]);
  const members = Object.keys(MEMBERS).map((name) => [name, publicMembers(name)]);
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(members));
});

it('[T1] every accepted difference is a row of the table in docs/protocol.md and has a case', () => {
  const named = Object.values(GROUPS).flatMap((cases) => cases.flatMap(({ differs }) => differs ?? []));
  expect([...new Set(named)].toSorted()).toEqual([...accepted].toSorted());
});
