import { readFileSync } from 'node:fs';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import type { StockCase } from './case.js';
import { ourWorld, Scene, stockWorld, type World } from './worlds.js';
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
};

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

function compare(
  worlds: () => readonly [stock: World, ours: World],
  nodes: number,
  groups: typeof GROUPS = GROUPS,
): void {
  for (const [group, cases] of Object.entries(groups)) {
    describe(group, () => {
      const wanted = cases.filter((each) => (nodes === 1 ? !each.needsNodes : !each.oneNodeOnly));
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

describeWithRedis(
  'an app on stock Socket.IO with the sharded adapter and on the gateway, three nodes',
  () => {
    let worlds: readonly [World, World];
    let redis: TestRedis;
    beforeAll(async () => {
      redis = await TestRedis.start();
      worlds = [await stockWorld(3, redis), await ourWorld(3, redis)];
    });
    afterAll(async () => {
      await Promise.all(worlds.map((world) => world.close()));
      await redis.kill();
    });
    compare(() => worlds, 3);
  },
);

it('[T1] every accepted difference is a row of the table in docs/protocol.md and has a case', () => {
  const named = Object.values(GROUPS).flatMap((cases) => cases.flatMap(({ differs }) => differs ?? []));
  expect([...new Set(named)].toSorted()).toEqual([...accepted].toSorted());
});
