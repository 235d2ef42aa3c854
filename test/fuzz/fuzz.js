/**
 * Throws inputs at a gateway that no client sends, and says whether anybody else noticed. [Q5]
 *
 *     npm run fuzz -- --inputs 100000 --seed 42
 *     npm run fuzz -- --phases secured,redis
 *
 * Meanwhile `/health/live` answers, memory stays bounded, bystanders get what is published to them, nothing is logged
 * as an error, and no answer holds a stack trace or what was meant for somebody else. Exits with 1 otherwise.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startGatewayProcess } from '../support/gateway-process.js';
import { Bystanders } from './bystander.js';
import { SECURED } from './credentials.js';
import { Random } from './random.js';
import { startRedis } from './redis.js';
import { createScenario, FuzzTarget } from './scenarios.js';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(randomBytes(4).readUInt32BE()) },
    concurrency: { type: 'string', default: '32' },
    'max-rss-mb': { type: 'string', default: '400' },
    /** One scenario only, to look at what a run has found. */
    only: { type: 'string' },
    /** Some of `high`, `default`, `secured`, `redis`, `secured-redis`. */
    phases: { type: 'string' },
    /** Another build of the gateway. */
    gateway: { type: 'string' },
  },
});
const seed = Number(values.seed);
const maxRssBytes = Number(values['max-rss-mb']) * 2 ** 20;

const PROBE_INTERVAL_MS = 250;
const PUBLISH_INTERVAL_MS = 20;
const HEALTH_TIMEOUT_MS = 5_000;
const MAX_SHOWN = 20;

/** An abandoned connection is noticed soon, as it would be in time. */
const HEARTBEAT = { SWITCHBOARD_PING_INTERVAL_MS: '3000', SWITCHBOARD_PING_TIMEOUT_MS: '8000' };
/** Some of the rooms keep a history, and sessions end soon enough to be seen ending. */
const HISTORY = { SWITCHBOARD_HISTORY: 'chat:*=100/1h,room-*=3/2s', SWITCHBOARD_RECOVERY_WINDOW_MS: '5000' };
const UNLIMITED = {
  SWITCHBOARD_EVENTS_PER_SECOND: '1000000',
  SWITCHBOARD_EVENTS_BURST: '1000000',
  SWITCHBOARD_MAX_SOCKETS_PER_USER: '0',
};
const COMMON = { ...HEARTBEAT, ...HISTORY };
const ALL_PHASES = [
  { name: 'high limits', id: 'high', share: 4, env: { ...COMMON, ...UNLIMITED } },
  { name: 'default limits', id: 'default', share: 1, env: COMMON },
  { name: 'secured', id: 'secured', share: 2, secured: true, env: { ...COMMON, ...UNLIMITED, ...SECURED } },
  { name: 'Redis', id: 'redis', share: 2, onRedis: true, env: { ...COMMON, ...UNLIMITED } },
  {
    name: 'secured on Redis',
    id: 'secured-redis',
    share: 1,
    secured: true,
    onRedis: true,
    env: { ...COMMON, ...SECURED },
  },
];
const wanted = values.phases?.split(',');
const PHASES = ALL_PHASES.filter(({ id }) => wanted?.includes(id) ?? true);

/** A frame of a stack as V8 prints it, also within a JSON string, and where our files lie. */
const STACK = /\bat (?:[^\s"]{1,100} )?\(?(?:file:|node:|\/)[^\s"]{0,300}:\d+:\d+|node_modules\//;

class Run {
  violations = [];
  kinds = new Map();
  statuses = new Map();
  inputs = 0;
  scenarios = 0;
  peakRssBytes = 0;

  violate(text) {
    this.violations.push(text);
    if (this.violations.length <= MAX_SHOWN) process.stderr.write(`VIOLATION ${text}\n`);
  }

  count(kinds) {
    this.inputs += kinds.length;
    for (const kind of kinds) this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
  }

  /** One gateway with one set of limits, until this many inputs have been sent. */
  async phase({ name, env, secured = false, onRedis = false }, wanted) {
    const redis = onRedis ? await startRedis() : undefined;
    const all = redis ? { ...env, SWITCHBOARD_REDIS_URL: redis.url } : env;
    const gateway = await startGatewayProcess({ env: all, main: values.gateway });
    const room = `bystander-${randomBytes(6).toString('hex')}`;
    const marker = `marker-${randomBytes(12).toString('hex')}`;
    const bystanders = new Bystanders(gateway.url, { room, marker, secured });
    const over = new AbortController();
    try {
      await bystanders.ready();
      const startRssBytes = gateway.rssBytes();
      const watches = [
        this.watch(gateway, over.signal),
        this.publish(bystanders, over.signal, () => gateway.isRunning),
      ];
      const until = this.inputs + wanted;
      const workers = Array.from({ length: Number(values.concurrency) }, () =>
        this.work(gateway, { marker, secured }, () => this.inputs < until && gateway.isRunning),
      );
      await Promise.all(workers);
      over.abort();
      await Promise.all(watches);
      if (!gateway.isRunning) this.violate(`${name}: the gateway has gone: ${gateway.exit}`);
      for (const problem of await bystanders.verdict()) this.violate(`${name}: ${problem}`);
      const mb = (bytes) => Math.round(bytes / 2 ** 20);
      process.stdout.write(
        `${name}: ${bystanders.published} publications to ${bystanders.all.length} bystanders, ` +
          `RSS ${mb(startRssBytes)} MB at the start, ${mb(gateway.rssBytes())} MB at the end\n`,
      );
    } finally {
      over.abort();
      bystanders.close();
      const exit = await gateway.stop();
      if (exit !== 0) this.violate(`${name}: the gateway ended with ${exit}`);
      await redis?.stop();
      for (const line of gateway.complaints) this.violate(`${name}: logged ${line.slice(0, 2000)}`);
    }
  }

  async work(gateway, { marker, secured }, goesOn) {
    while (goesOn()) {
      const number = values.only === undefined ? this.scenarios++ : Number(values.only);
      const scenario = createScenario(Random.of(seed, number), { secured });
      this.count(scenario.kinds);
      const report = (text, bytes = '') =>
        this.violate(`scenario ${number}: ${text} ${JSON.stringify(bytes.toString('latin1').slice(0, 600))}`);
      const target = new FuzzTarget(gateway.port, {
        report,
        inspect: (text) => inspect(text, marker, report),
        count: (status = 'none') => this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1),
      });
      await scenario.run(target);
      if (values.only !== undefined) return;
    }
  }

  /** The gateway lives and stays within its memory. */
  async watch(gateway, signal) {
    while (!signal.aborted && gateway.isRunning) {
      const rssBytes = gateway.rssBytes();
      this.peakRssBytes = Math.max(this.peakRssBytes, rssBytes);
      if (rssBytes > maxRssBytes) this.violate(`RSS is ${rssBytes} bytes`);
      try {
        const timeout = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
        const { status } = await fetch(`${gateway.url}/health/live`, { signal: timeout });
        if (status !== 200) this.violate(`/health/live answered ${status}`);
      } catch (error) {
        if (gateway.isRunning) this.violate(`/health/live did not answer: ${error.cause ?? error}`);
      }
      await pause(PROBE_INTERVAL_MS, undefined, { signal }).catch(() => {});
    }
  }

  async publish(bystanders, signal, goesOn) {
    while (!signal.aborted && goesOn()) {
      try {
        await bystanders.publish();
      } catch (error) {
        if (goesOn()) this.violate(`publishing failed: ${error.cause ?? error}`);
        return;
      }
      await pause(PUBLISH_INTERVAL_MS, undefined, { signal }).catch(() => {});
    }
  }
}

function inspect(text, marker, report) {
  if (text.includes(marker)) report("somebody else's publication came", text.slice(-600));
  const stack = STACK.exec(text);
  if (stack) report(`an answer holds a stack trace: ${stack[0]}`, text.slice(-600));
  if (text.includes('"code":"internal"')) report('answered with `internal`', text.slice(-600));
}

const listed = (counts) =>
  [...counts]
    .map(([name, count]) => `${name} ${count}`)
    .toSorted()
    .join(', ');

process.stdout.write(`seed ${seed}\n`);
const run = new Run();
const startedAt = performance.now();
const shares = PHASES.reduce((sum, { share }) => sum + share, 0);
for (const phase of PHASES)
  await run.phase(phase, Math.round((Number(values.inputs) * phase.share) / shares));
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
process.stdout.write(`inputs by kind: ${listed(run.kinds)}\n`);
process.stdout.write(`answers of the HTTP API: ${listed(run.statuses)}\n`);
process.stdout.write(
  `${run.inputs} inputs, seed ${seed}, ${run.scenarios} scenarios, ${run.kinds.size} kinds, ${seconds} s, ` +
    `peak RSS ${Math.round(run.peakRssBytes / 2 ** 20)} MB, ${run.violations.length} violations\n`,
);
process.exitCode = run.violations.length === 0 ? 0 : 1;
