/** Runs the benchmarks: see README.md beside this file. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderChart } from './support/chart.js';
import { killAll } from './support/child.js';
import { compileFloor } from './support/compile-floor.js';
import { whyNoNchan } from './support/nginx.js';
import { noteHistory } from './support/history.js';
import { buildOlder } from './support/older-build.js';
import { HELP, UsageError, readOptions } from './support/options.js';
import {
  OLDER,
  PEER_TITLES,
  describeMachine,
  packageVersions,
  renderMatrix,
  renderTable,
  summarize,
} from './support/report.js';
import { takeNodesSample } from './support/nodes-sample.js';
import { killAllRedis } from './support/redis-server.js';
import { takeSample } from './support/sample.js';

/** @typedef {import('./support/report.js').CaseResult} CaseResult */

/** @param {string} path from the project's root */
const inProject = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Beside its connections a process holds its log, its IPC channel, HTTP connections and what Node opens itself. */
const SPARE_FILES = 100;

const logFolder = mkdtempSync(join(tmpdir(), 'bench-'));
process.once('exit', () => {
  killAll();
  killAllRedis();
  rmSync(logFolder, { recursive: true, force: true });
});
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  await main();
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error);
  process.exitCode = 1;
}

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(HELP);
  if (options.peers.includes('switchboard') && !existsSync(inProject('dist/index.js'))) {
    throw new UsageError(
      'dist/ is missing: run "npm run build" first, or leave switchboard out with --peers',
    );
  }
  const usesRedis = options.scenarios.some(
    ({ nodes, redis, peers }) => (nodes || redis) && peers.some((peer) => options.peers.includes(peer)),
  );
  if (usesRedis && spawnSync('redis-server', ['--version']).error) {
    throw new UsageError(
      'redis-server is missing: install it, or leave workers and the scenarios nodes-… out with --scenario',
    );
  }
  assertFilesSuffice(Math.max(...options.scenarios.map((scenario) => scenario.connections(options))));

  const older = options.against === undefined ? undefined : buildOlder(options.against);
  if (older) PEER_TITLES[OLDER] = `Switchboard ${older.commit}`;
  const machine = describeMachine();
  const packages = packageVersions();
  const { rounds, clients, connections, quick } = options;
  prepareOptionalPeers(options);
  console.log(
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.kernel}, Node ${machine.node}`,
  );
  console.log(
    `${Object.entries(packages)
      .map((entry) => entry.join(' '))
      .join(', ')}`,
  );
  console.log(
    `${rounds} round${rounds === 1 ? '' : 's'}, medians; load average before: ${machine.loadAverage}\n`,
  );

  /** @type {CaseResult[]} */
  const results = [];
  for (const scenario of options.scenarios) {
    const cases = await runScenario(scenario, { ...options, older });
    if (cases.length === 0) continue;
    if (scenario.matrix) console.log(`${renderMatrix(cases)}\n`);
    else for (const result of cases) console.log(`${renderTable(result)}\n`);
    results.push(...cases);
  }

  const date = new Date().toISOString();
  const report = { date, machine, packages, options: { rounds, clients, connections, quick }, results };
  write(options.json ?? inProject('bench/results/latest.json'), `${JSON.stringify(report, null, 2)}\n`);
  if (older && !quick)
    write(inProject('bench/history.md'), noteHistory(inProject('bench/history.md'), report, older));
  if (options.svg) {
    const footer = `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${date.slice(0, 10)}; median of ${rounds}`;
    write(inProject('docs/images/benchmark.svg'), renderChart(results, footer));
  }
}

/**
 * Interleaves: each round takes one sample of every peer, so that what changes on the machine in the meantime
 * (heat, neighbours) meets all peers alike.
 *
 * @param {import('./scenarios/index.js').AnyScenario} scenario
 * @param {ReturnType<typeof readOptions> & { older?: import('./support/older-build.js').OlderBuild }} options
 * @returns {Promise<CaseResult[]>}
 */
async function runScenario(scenario, options) {
  const peers = [...scenario.peers.filter((name) => name !== 'switchboard'), OLDER, 'switchboard'].filter(
    (name) => options.peers.includes(name) && (scenario.peers.includes(name) || name === OLDER),
  );
  /** @type {Map<string, Map<string, number[]>>} by label and peer */
  const samples = new Map();
  for (let round = 1; round <= options.rounds; round++) {
    for (const peer of peers) {
      progress(`${scenario.name}: round ${round}/${options.rounds}, ${PEER_TITLES[peer]}`);
      const sample = scenario.nodes
        ? await takeNodesSample(scenario, peer, options, logFolder)
        : await takeSample(scenario, peer, options, logFolder);
      for (const [label, value] of Object.entries(sample)) {
        const byPeer = samples.get(label) ?? new Map();
        samples.set(label, byPeer.set(peer, [...(byPeer.get(peer) ?? []), value]));
      }
    }
  }
  progress('');
  const { name, title, unit, better } = scenario;
  return [...samples].map(([label, byPeer]) => ({
    scenario: name,
    label,
    title,
    unit,
    better,
    connections: scenario.connections(options),
    peers: Object.fromEntries([...byPeer].map(([peer, values]) => [peer, summarize(values)])),
  }));
}

/**
 * Where a peer needs what this machine does not have, the run goes on without it and says so.
 * @param {ReturnType<typeof readOptions>} options
 */
function prepareOptionalPeers(options) {
  const preparations = Object.entries({ nchan: whyNoNchan, floor: compileFloor });
  for (const [peer, whyNot] of preparations) {
    if (!options.peers.includes(peer)) continue;
    if (!options.scenarios.some(({ peers }) => peers.includes(peer))) continue;
    const reason = whyNot(logFolder);
    if (reason === undefined) continue;
    options.peers = options.peers.filter((name) => name !== peer);
    console.log(`"${PEER_TITLES[peer]}" takes no part: ${reason}`);
  }
}

/** @param {number} connections */
function assertFilesSuffice(connections) {
  const report = /** @type {any} */ (process.report.getReport());
  const limit = report.userLimits?.open_files?.soft;
  const needed = connections + SPARE_FILES;
  if (typeof limit === 'number' && limit < needed) {
    throw new UsageError(
      `a process may open ${limit} files here, ${needed} are needed: run "ulimit -n ${needed}" first, ` +
        'or ask for fewer --clients and --connections',
    );
  }
}

/** @param {string} text */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

/** @param {string} path @param {string} text */
function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(`wrote ${path}`);
}
