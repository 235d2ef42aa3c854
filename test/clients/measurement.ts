/** All clients through the scenario at once: each has its own user and room, and nodes end once for all of them. */
import { createClient } from 'switchboard-gateway/testing';
import { sign } from '../support/tokens.js';
import { TRANSPORTS, type Transport } from './driver.js';
import type { Outcomes } from './features.js';
import type { Client } from './languages.js';
import { Nodes, type Setting } from './nodes.js';
import { Scenario } from './scenario.js';
import type { Tries } from './scenario/attempts.js';

/** By client and transport. */
export type Results = Record<string, Record<Transport, Outcomes>>;

export interface Measured {
  readonly results: Results;
  readonly reasons: readonly string[];
}

/** Programs that do something at a time; the machine has few cores, and most of a tour is waiting. */
const AT_ONCE = 8;

/** Longer than any client waits before it tries again, and only then is one that has not come back away. */
const RETURN_MS = 3_000;

export async function measure(
  clients: readonly Client[],
  setting: Setting,
  known: Results,
  tries: Tries,
): Promise<Measured> {
  const nodes = await Nodes.start(setting);
  const scenarios = clients.flatMap((client) =>
    TRANSPORTS.map(
      (transport) => new Scenario(client, transport, nodes, known[client.name]?.[transport] ?? {}, tries),
    ),
  );
  try {
    await inTurns(scenarios, (scenario) => scenario.tour());
    await endings(
      scenarios.filter(({ outcomes }) => outcomes.connects === 'yes'),
      nodes,
    );
  } finally {
    await Promise.all(scenarios.map((scenario) => scenario.end()));
    await nodes.close();
  }
  const results: Results = {};
  for (const { client, transport, outcomes } of scenarios) {
    results[client.name] ??= {} as Record<Transport, Outcomes>;
    results[client.name]![transport] = outcomes;
  }
  const reasons = scenarios.flatMap((scenario) =>
    Object.entries(scenario.reasons).map(
      ([feature, why]) => `${scenario.client.name} ${scenario.transport} ${feature}: ${why}`,
    ),
  );
  return { results, reasons };
}

/** An idle time, a drain, a killed node, and a kick, each once for all. */
async function endings(scenarios: readonly Scenario[], nodes: Nodes): Promise<void> {
  await Promise.all(scenarios.map((scenario) => scenario.idle()));

  await Promise.all(scenarios.map((scenario) => scenario.prepare()));
  const draining = nodes.replace('SIGTERM');
  await Promise.all(scenarios.map((scenario) => scenario.drain(draining)));
  await (
    await draining
  )();

  await Promise.all(scenarios.map((scenario) => scenario.prepare()));
  const killing = nodes.replace('SIGKILL');
  await Promise.all(scenarios.map((scenario) => scenario.loseNode(killing)));

  const comesBack = createClient(nodes.url, {
    version: 4,
    transport: 'websocket',
    auth: { token: await sign({ sub: 'comes-back' }) },
    client: {
      reconnection: true,
      reconnectionDelay: RETURN_MS,
      reconnectionDelayMax: RETURN_MS,
      randomizationFactor: 0,
    },
  });
  try {
    await comesBack.next('connect');
    await Promise.all(scenarios.map((scenario) => scenario.kick()));
    await nodes.ask('DELETE', '/v1/users/comes-back/sockets?reconnect=true');
    await comesBack.next('connect', 2 * RETURN_MS + 20_000);
    const stayed = scenarios.filter(({ outcomes }) => outcomes.kicked === 'yes');
    await Promise.all(stayed.map((scenario) => scenario.stayAway()));
  } finally {
    comesBack.close();
  }
}

async function inTurns<T>(all: readonly T[], take: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const turn = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await take(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, turn));
}
