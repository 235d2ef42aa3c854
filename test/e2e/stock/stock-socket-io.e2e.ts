import { readFileSync } from 'node:fs';
import { byEngine } from '../../support/engine-under-test.js';
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

/** How many cases run side by side, each in a namespace of its own; the others use the default one too, which is one for all. */
const AT_ONCE: Readonly<Record<string, number>> = { rooms: 4, broadcast: 4, acknowledgements: 4, sockets: 4 };

const paths = new Map<StockCase, string>();

/** The namespace of a case, in whichever world it runs. */
function pathOf(each: StockCase): string {
  const path = paths.get(each) ?? `/c${paths.size + 1}`;
  paths.set(each, path);
  return path;
}

async function linesOf(world: World, each: StockCase): Promise<string[]> {
  const scene = new Scene(world, pathOf(each));
  // Made on all nodes first, as apps do at their start.
  void scene.nodes;
  await world.hears(scene.path);
  try {
    await each.run(scene);
  } catch (failure) {
    scene.log('thrown', failure);
  }
  return scene.end();
}

/** What a case is on stock and on ours. */
type Lines = readonly [expected: readonly string[], found: readonly string[]];

/** Stock of one node in its own memory, which is the same beside each kind of ours: a case runs on it once. */
let stockAlone: World;
const linesAlone = new Map<StockCase, Promise<string[]>>();

beforeAll(async () => {
  stockAlone = await stockWorld(1);
});
afterAll(() => stockAlone.close());

function linesOfStock(world: World, each: StockCase): Promise<string[]> {
  if (world !== stockAlone) return linesOf(world, each);
  const lines = linesAlone.get(each) ?? linesOf(world, each);
  linesAlone.set(each, lines);
  return lines;
}

/** Compares the cases that fit so many nodes. */
function compare(
  worlds: () => readonly [stock: World, ours: World],
  nodes: number,
  groups: typeof GROUPS = GROUPS,
  isWanted: (each: StockCase) => boolean = () => true,
): void {
  const bothOf = async (each: StockCase): Promise<Lines> => {
    const [stock, ours] = worlds();
    return [await linesOfStock(stock, each), await linesOf(ours, each)];
  };
  for (const [group, cases] of Object.entries(groups)) {
    const fit = cases.filter((each) => (nodes === 1 ? !each.needsNodes : !each.oneNodeOnly));
    const wanted = fit.filter(isWanted);
    if (wanted.length === 0) continue;
    describe(group, () => {
      const begun = new Map<StockCase, Promise<Lines>>();
      /** Begins those behind a case with it. */
      const linesFrom = (index: number): Promise<Lines> => {
        for (const each of wanted.slice(index, index + (AT_ONCE[group] ?? 1))) {
          if (!begun.has(each)) begun.set(each, bothOf(each));
        }
        return begun.get(wanted[index]!)!;
      };
      it.each(wanted.map((each, index) => [each.title, each, index] as const))(
        '[T1] %s',
        async (_, each, index) => {
          const [expected, found] = await linesFrom(index);
          if (each.differs === undefined) expect(found).toEqual(expected);
          else expect(found).not.toEqual(expected);
        },
      );
    });
  }
}

describe('an app on stock Socket.IO and on the gateway, one node', () => {
  let ours: World;
  beforeAll(async () => {
    ours = await ourWorld(1);
  });
  afterAll(() => ours.close());
  compare(() => [stockAlone, ours], 1);
});

describe('an app on stock Socket.IO with recovery and on the gateway', () => {
  let worlds: readonly [World, World];
  beforeAll(async () => {
    worlds = [await stockWorld(1, undefined, { connectionStateRecovery: {} }), await ourWorld(1)];
  });
  afterAll(() => Promise.all(worlds.map((world) => world.close())));
  compare(() => worlds, 1, { recovery });
});

/**
 * Ours on Redis beside stock: with one node stock in its own memory, with several through the sharded adapter. One node has
 * only the cases that several do not have; `npm run test:redis` runs all of them on it, as those above.
 */
const ON_REDIS = [
  { text: 'one node with Redis', nodes: 1, recovers: false },
  { text: 'one node with Redis, clients that recover', nodes: 1, recovers: true },
  { text: 'two nodes, clients that recover', nodes: 2, recovers: true },
  { text: 'three nodes', nodes: 3, recovers: false },
] as const;

/** In the run on the redis engine all above has been on Redis. */
const describeOnce = byEngine({ memory: describeWithRedis, redis: describe.skip });

describeOnce('an app on stock Socket.IO and on the gateway with Redis', () => {
  describe.each(ON_REDIS)('$text', ({ nodes, recovers }) => {
    let stock: World;
    let ours: World;
    let redis: TestRedis;
    beforeAll(async () => {
      redis = await TestRedis.start();
      stock = nodes > 1 ? await stockWorld(nodes, redis) : stockAlone;
      ours = await ourWorld(nodes, redis, recovers);
    });
    afterAll(async () => {
      if (stock !== stockAlone) await stock.close();
      await ours.close();
      await redis.kill();
    });
    const worlds = (): readonly [World, World] => [stock, ours];
    if (!recovers) compare(worlds, nodes, GROUPS, ({ oneNodeOnly }) => nodes > 1 || Boolean(oneNodeOnly));
    // Where nothing depends on nodes, the cursor that these get shows too.
    else
      compare(worlds, nodes, WITH_RECOVERY, ({ oneNodeOnly, showsCursor }) => !oneNodeOnly && !showsCursor);
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
