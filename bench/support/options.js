import { parseArgs } from 'node:util';
import { SCENARIOS } from '../scenarios/index.js';
import { OLDER, ON_REQUEST, PEER_TITLES } from './report.js';

export const HELP = `Compares Switchboard with raw Socket.IO, the stock Nest gateway, ws and Nchan on this machine,
and with two floors: bare writes by C, and Node's HTTP server alone.

  node bench/run.js [options]

  --scenario a,b     only these: ${SCENARIOS.map(({ name }) => name).join(', ')}
  --peers a,b        only these: ${Object.keys(PEER_TITLES).join(', ')}
  --rounds N         samples per peer, 1 to 50 (5)
  --clients N        sockets in the fan-out scenarios, 20 to 20000 (2000)
  --connections N    sockets in idle-memory and registry-lookup, 20 to 50000
  --against COMMIT   an older build of the gateway as one more peer; ratios go to bench/history.md
  --quick            one round, 200 clients, less work: shows that it runs, measures little
  --json PATH        where the samples go (bench/results/latest.json)
  --svg              also draw docs/images/benchmark.svg
  --help`;

/** A mistake on the command line or a machine that cannot run this: one line, no stack. */
export class UsageError extends Error {}

/** @param {string[]} argv */
export function readOptions(argv) {
  const values = parse(argv);
  const quick = values.quick ?? false;
  return {
    help: values.help ?? false,
    quick,
    svg: values.svg ?? false,
    json: values.json,
    against: values.against,
    scenarios: choose('--scenario', values.scenario, SCENARIOS, ({ name }) => name),
    peers: [
      ...choose('--peers', values.peers, Object.keys(PEER_TITLES), (name) => name).filter(
        (name) => values.peers !== undefined || !ON_REQUEST.includes(name),
      ),
      ...(values.against === undefined ? [] : [OLDER]),
    ],
    rounds: numberIn('--rounds', values.rounds, 1, 50) ?? (quick ? 1 : 5),
    clients: numberIn('--clients', values.clients, 20, 20_000) ?? (quick ? 200 : 2000),
    connections: numberIn('--connections', values.connections, 20, 50_000),
  };
}

/** @param {string[]} argv */
function parse(argv) {
  const text = /** @type {const} */ ({ type: 'string' });
  const flag = /** @type {const} */ ({ type: 'boolean' });
  try {
    return parseArgs({
      args: argv,
      options: {
        scenario: text,
        peers: text,
        rounds: text,
        clients: text,
        connections: text,
        json: text,
        against: text,
        quick: flag,
        svg: flag,
        help: flag,
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * @template T
 * @param {string} option
 * @param {string | undefined} list
 * @param {T[]} known
 * @param {(item: T) => string} nameOf
 */
function choose(option, list, known, nameOf) {
  if (list === undefined) return known;
  const names = list.split(',');
  const unknown = names.find((name) => !known.some((item) => nameOf(item) === name));
  if (unknown !== undefined) {
    throw new UsageError(`${option}: "${unknown}" is none of ${known.map(nameOf).join(', ')}`);
  }
  return known.filter((item) => names.includes(nameOf(item)));
}

/**
 * @param {string} option
 * @param {string | undefined} text
 * @param {number} least
 * @param {number} most
 */
function numberIn(option, text, least, most) {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new UsageError(`${option}: expected a whole number from ${least} to ${most}`);
  }
  return value;
}
