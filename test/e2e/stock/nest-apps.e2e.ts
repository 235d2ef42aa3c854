import { readFileSync } from 'node:fs';
import { APPS, NestStage, type NestApp } from './nest-apps.js';
import { diary, onOurs, onStock, type StartWorld } from './nest-worlds.js';

/** The rows of the table of accepted differences. */
const accepted = Array.from(
  readFileSync('docs/protocol.md', 'utf8').matchAll(/^\| (S\d+) +\|/gm),
  ([, id]) => id,
);

async function linesOf(start: StartWorld, app: NestApp): Promise<string[]> {
  diary.length = 0;
  const world = await start(app.metadata, (made) => app.prepare?.(made));
  const stage = new NestStage(world);
  await app.run(stage);
  for (const end of stage.ends) end();
  await world.close();
  return [...stage.lines, ...diary];
}

describe("an app around its gateways on Nest's own adapter and on the one of the gateway", () => {
  it.each(APPS.map((app) => [app.title, app] as const))('[T1] %s', async (_, app) => {
    const expected = await linesOf(onStock, app);
    const found = await linesOf(onOurs, app);
    expect([...expected, ...found]).not.toEqual([]);
    if (app.differs === undefined) expect(found).toEqual(expected);
    else {
      expect(accepted).toContain(app.differs);
      expect(found).not.toEqual(expected);
    }
  });
});
