import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWithRedis } from '../support/redis.js';
import { everythingIn, sign } from '../support/tokens.js';
import { until } from '../support/until.js';
import { ClientProcess, TRANSPORTS, type Transport } from './driver.js';
import { isShare, type Feature, type Outcome, type Outcomes } from './features.js';
import { chosen } from './choice.js';
import { CLIENTS, type Client } from './languages.js';
import { measure, type Measured, type Results } from './measurement.js';
import { Nodes, type Setting } from './nodes.js';
import { PAGE, pageOf, type Known } from './page.js';
import { FOLDER, type Toolchain } from './toolchains.js';
import type { Tries } from './scenario/attempts.js';

/** `UPDATE_CLIENTS=1 npm run test:clients` writes what it measures, and the page from it. */
const UPDATES = process.env['UPDATE_CLIENTS'] !== undefined;
const TRIES: Tries = UPDATES ? { unsteady: 5, again: false } : { unsteady: 1, again: true };
const RESULTS = join(FOLDER, 'results.json');

const known = JSON.parse(readFileSync(RESULTS, 'utf8')) as Known;
const { clients, missing, skipped } = chosen(CLIENTS, process.env);
for (const { name, howToGetIt } of skipped) {
  process.stderr.write(`skipping ${name} clients: ${howToGetIt}\n`);
}
const measuredOn: Partial<Record<Setting, Results>> = {};

/** All at once: much of it is waiting for registries. */
beforeAll(async () => {
  const started = Date.now();
  const build = async (toolchain: Toolchain): Promise<void> => {
    await toolchain.build();
    process.stderr.write(`${toolchain.name}: built after ${Math.round((Date.now() - started) / 1000)} s\n`);
  };
  await Promise.all([...new Set(clients.map((client) => client.toolchain))].map(build));
});

if (missing.length > 0) {
  it.each(missing)('[L12] the toolchain of $name is here', ({ howToGetIt }) => {
    throw new Error(`missing: ${howToGetIt}`);
  });
}

function describeOn(setting: Setting): void {
  let measured: Measured;

  beforeAll(async () => {
    const started = Date.now();
    measured = await measure(clients, setting, known.outcomes, TRIES);
    measuredOn[setting] = measured.results;
    if (UPDATES) for (const reason of measured.reasons) process.stderr.write(`${setting}: ${reason}\n`);
    process.stderr.write(`${setting}: measured in ${Math.round((Date.now() - started) / 1000)} s\n`);
  });

  it.each(clients.flatMap((client) => TRANSPORTS.map((transport) => ({ ...client, transport }))))(
    '[L1] [L12] $column by $transport does what docs/clients.md says',
    ({ name, transport }) => {
      const found = measured.results[name]![transport];
      const expected = settled(known.outcomes[name]![transport], found);
      if (UPDATES) return;
      const why = measured.reasons.filter((reason) => reason.startsWith(`${name} ${transport} `));
      expect({ found, why: differs(found, expected) ? why : [] }).toEqual({ found: expected, why: [] });
    },
  );
}

describe('on one node', () => describeOn('memory'));
describeWithRedis('on two nodes with Redis', () => describeOn('redis'));

describe('the snippets of docs/clients.md', () => {
  let nodes: Nodes;

  beforeAll(async () => {
    nodes = await Nodes.start('memory');
  });
  afterAll(() => nodes?.close());

  it.each(clients)(
    '[L12] $column: the snippet ($name) joins a room and prints what is sent to it',
    async (client) => {
      const room = `snippet:${client.name}`;
      const token = await sign({ sub: client.name, caps: [everythingIn('snippet:*')] });
      const lines: string[] = [];
      const [program, ...args] = client.snippet.program;
      const process = ClientProcess.start([program!, ...args, nodes.url, token, room], (line) =>
        lines.push(line),
      );
      try {
        await until('it is in the room', async () => {
          return (await nodes.ask<{ sockets: number }>('GET', `/v1/rooms/${room}`)).sockets === 1;
        });
        await nodes.ask('POST', '/v1/emit', { to: { rooms: [room] }, event: 'news', args: ['hello'] });
        await until('it prints', () => lines.some((line) => /^news.*hello/.test(line)));
      } finally {
        await process.kill();
      }
    },
  );
});

describe('docs/clients.md', () => {
  it.each(clients.filter(({ toolchain }) => toolchain.isLocked))('names the version of $name', (client) => {
    expect(known.versions[client.name]).toBe(client.version());
  });

  it('has the table of what was measured and the snippets that run', async () => {
    const now = UPDATES && Object.keys(measuredOn).length > 0 ? updated(known) : known;
    const page = readFileSync(PAGE, 'utf8');
    const made = await pageOf(page, now);
    if (UPDATES) {
      writeFileSync(RESULTS, `${JSON.stringify(now, null, 2)}\n`);
      writeFileSync(PAGE, made);
    } else {
      expect(page).toBe(made);
    }
  });
});

const differs = (found: Outcomes, expected: Outcomes): boolean =>
  JSON.stringify(found) !== JSON.stringify(expected);

/** What comes out now one way and now the other is as it was found. */
function settled(expected: Outcomes, found: Outcomes): Outcomes {
  const entries = Object.entries(expected) as [Feature, Outcome][];
  return Object.fromEntries(
    entries.map(([feature, outcome]) => [feature, isShare(outcome) ? found[feature] : outcome]),
  );
}

/** The settings as one. */
function updated({ versions, outcomes }: Known): Known {
  const together = (client: Client, transport: Transport): Outcomes => {
    const all = Object.values(measuredOn).map((results) => results[client.name]![transport]);
    const features = Object.keys(all[0]!) as Feature[];
    return Object.fromEntries(
      features.map((feature) => [feature, sumOf(all.map((each) => each[feature] ?? 'no'))]),
    );
  };
  const found = clients.map((client) => {
    const byTransport = TRANSPORTS.map((transport) => [transport, together(client, transport)] as const);
    return [client.name, Object.fromEntries(byTransport) as Record<Transport, Outcomes>] as const;
  });
  return {
    versions: {
      ...versions,
      ...Object.fromEntries(clients.map((client) => [client.name, client.version()])),
    },
    outcomes: { ...outcomes, ...Object.fromEntries(found) },
  };
}

/** What differs between the settings is told as a share. */
function sumOf(found: readonly Outcome[]): Outcome {
  if (!found.some(isShare) && new Set(found).size === 1) return found[0]!;
  const shares = found.map((outcome) => {
    if (!isShare(outcome)) return { successes: outcome === 'yes' ? 1 : 0, times: 1 };
    const [successes, times] = outcome.split(' of ').map(Number);
    return { successes: successes!, times: times! };
  });
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  return `${sum(shares.map(({ successes }) => successes))} of ${sum(shares.map(({ times }) => times))}`;
}
