/** All clients through the scenario at once: each has its own user and room, and nodes end once for all of them. */
import { createClient } from 'switchboard-gateway/testing';
import { sign } from '../support/tokens.js';
import { TRANSPORTS, type Transport } from './driver.js';
import type { Outcomes } from './features.js';
import type { Client } from './languages.js';
import { Nodes, type Setting } from './nodes.js';
import { Visit, type Tries } from './scenario.js';

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
  const visits = clients.flatMap((client) =>
    TRANSPORTS.map((transport) => ({
      client,
      transport,
      visit: new Visit(client, transport, nodes, known[client.name]?.[transport] ?? {}, tries),
    })),
  );
  try {
    await inTurns(visits, ({ visit }) => visit.tour());
    const present = visits.map(({ visit }) => visit).filter(({ outcomes }) => outcomes.connects === 'yes');
    await endings(present, nodes);
  } finally {
    await Promise.all(visits.map(({ visit }) => visit.end()));
    await nodes.close();
  }
  const results: Results = {};
  for (const { client, transport, visit } of visits) {
    results[client.name] ??= {} as Record<Transport, Outcomes>;
    results[client.name]![transport] = visit.outcomes;
  }
  const reasons = visits.flatMap(({ client, transport, visit }) =>
    Object.entries(visit.reasons).map(([feature, why]) => `${client.name} ${transport} ${feature}: ${why}`),
  );
  return { results, reasons };
}

/** An idle time, a drain, a killed node, and a kick, each once for all. */
async function endings(visits: readonly Visit[], nodes: Nodes): Promise<void> {
  await Promise.all(visits.map((visit) => visit.idles()));

  await Promise.all(visits.map((visit) => visit.prepare()));
  const draining = nodes.replace('SIGTERM');
  await Promise.all(visits.map((visit) => visit.drain(draining)));
  await (
    await draining
  )();

  await Promise.all(visits.map((visit) => visit.prepare()));
  const killing = nodes.replace('SIGKILL');
  await Promise.all(visits.map((visit) => visit.loseNode(killing)));

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
    await Promise.all(visits.map((visit) => visit.measure('kicked', () => visit.kick())));
    await nodes.ask('DELETE', '/v1/users/comes-back/sockets?reconnect=true');
    await comesBack.next('connect', 2 * RETURN_MS + 20_000);
    const stayed = visits.filter(({ outcomes }) => outcomes.kicked === 'yes');
    await Promise.all(stayed.map((visit) => visit.measure('kicked', () => visit.staysAway())));
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
