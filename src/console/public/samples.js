/** Figures over time: asked for every few seconds while somebody looks, kept for an hour. [G1] */
import { ask, get } from './api.js';
import { abilities } from './abilities.js';
import { signal } from './html.js';

const EVERY_MS = 5_000;
const KEPT = 720;

/** `{at, stats, nodes, health, byNode: {[node]: {…}}}`, the newest last. */
export const samples = signal([]);
export const sampleError = signal(undefined);

/** Counters of each node as they were last, for rates; a scrape may be answered by another node each time. */
const last = new Map();
let timer;

/** Starts; what it returns stops. */
export function watch() {
  let isOn = true;
  const next = async () => {
    if (!document.hidden) await take().catch((error) => (sampleError.value = error));
    if (isOn) timer = setTimeout(() => void next(), EVERY_MS);
  };
  const look = () => {
    if (document.hidden) return;
    clearTimeout(timer);
    void next();
  };
  void next();
  document.addEventListener('visibilitychange', look);
  return () => {
    isOn = false;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', look);
  };
}

async function take() {
  const [stats, { items: nodes }, health, figures] = await Promise.all([
    get('v1/stats'),
    get('v1/nodes'),
    readiness(),
    abilities.value.metrics ? scrape() : undefined,
  ]);
  const at = Date.now();
  const byNode = figures === undefined ? {} : { [figures.node]: rates(figures, at) };
  sampleError.value = undefined;
  samples.value = [...samples.value, { at, stats, nodes, health, byNode }].slice(-KEPT);
}

const WINDOW_MS = 60_000;

/** Rates that are troubles wherever in the window they were. */
const LASTING = ['refusals', 'undelivered', 'failures', 'stalls', 'lagMs'];

/** The newest sample, with what went wrong in the last minute; `watchedMs`: how much of it the page has seen. Pure. */
export function overLastMinute(all) {
  const newest = all.at(-1);
  const recent = all.filter(({ at }) => at > newest.at - WINDOW_MS);
  const byNode = {};
  for (const sample of recent) {
    for (const [node, figures] of Object.entries(sample.byNode)) {
      const before = byNode[node];
      byNode[node] = before === undefined ? figures : bothOf(before, figures);
    }
  }
  const figured = recent.filter((sample) => Object.keys(sample.byNode).length > 0);
  return { ...newest, byNode, watchedMs: figured.length < 2 ? 0 : newest.at - figured[0].at };
}

function bothOf(before, figures) {
  const refused = new Map(before.refusedNow);
  for (const [code, count] of figures.refusedNow) refused.set(code, (refused.get(code) ?? 0) + count);
  const worst = LASTING.map((name) => [name, Math.max(before[name] ?? 0, figures[name] ?? 0)]);
  return { ...figures, ...Object.fromEntries(worst), refusedNow: [...refused] };
}

/** An unready node says so with 503 and the same form of answer. */
const readiness = async () => (await ask('GET', 'health/ready')).json();

async function scrape() {
  const response = await ask('GET', 'metrics', { type: 'text/plain' });
  return response.ok ? readFigures(await response.text()) : undefined;
}

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)/;

/** The few figures that the page draws, out of all; labels are summed. */
export function readFigures(text) {
  const sums = {};
  const refusals = {};
  let node = 'this node';
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = LINE.exec(line) ?? [];
    if (name === undefined) continue;
    sums[name] = (sums[name] ?? 0) + Number(value);
    if (name === 'switchboard_build_info') node = /node="([^"]*)"/.exec(labels)?.[1] ?? node;
    if (name === 'switchboard_refusals_total')
      refusals[/code="([^"]*)"/.exec(labels)?.[1] ?? ''] = Number(value);
  }
  return { node, sums, refusals };
}

function rates({ node, sums, refusals }, at) {
  const before = last.get(node);
  last.set(node, { sums, refusals, at });
  const seconds = before === undefined ? 0 : (at - before.at) / 1_000;
  const rise = (name) => {
    if (seconds <= 0) return null;
    const difference = (sums[name] ?? 0) - (before.sums[name] ?? 0);
    return difference < 0 ? null : difference / seconds; // A node that began anew counts from zero.
  };
  const refusedNow = Object.entries(refusals)
    .map(([code, count]) => [code, count - (before?.refusals[code] ?? 0)])
    .filter(([, count]) => before !== undefined && count > 0);
  const perMinute = (perSecond) => (perSecond === null ? null : perSecond * 60);
  return {
    deliveries: rise('switchboard_deliveries_total'),
    publications: rise('switchboard_publications_total'),
    refusals: perMinute(rise('switchboard_refusals_total')),
    disconnections: perMinute(rise('switchboard_disconnections_total')),
    undelivered: perMinute(rise('switchboard_undelivered_total')),
    failures: perMinute(rise('switchboard_failures_total')),
    stalls: perMinute(rise('switchboard_event_loop_stalls_total')),
    lagMs: (sums['nodejs_eventloop_lag_p99_seconds'] ?? 0) * 1_000,
    memory: sums['process_resident_memory_bytes'] ?? 0,
    refusedNow,
  };
}
