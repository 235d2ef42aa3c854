import type { Conclusion, Rule } from '../finding.js';
import type { Evidence } from '../../episode.js';
import { endedConnections, lifetimeOf, rhythmOf, span, times, type Ended } from '../reading.js';

/** Idle times after which proxies and clouds end a connection, in s. */
const KNOWN_TIMEOUTS_S: ReadonlyMap<number, string> = new Map([
  [30, 'load balancers with a 30 s time-out, and Heroku-like routers'],
  [55, 'Heroku'],
  [60, "nginx's proxy_read_timeout, an AWS ALB, an Azure gateway"],
  [100, 'Cloudflare'],
  [120, 'Azure Front Door, some corporate proxies'],
  [300, 'HAProxy and Envoy as they are often set'],
  [350, 'an AWS NLB'],
  [600, "Google's load balancer and firewalls"],
]);

const TOLERANCE_MS = 2_000;
/** Episodes that make a rhythm. [X4] */
const RHYTHM_EPISODES = 4;
/** A shorter silence is none: something was sent all the time. */
const SILENCE_MS = 5_000;

/** Something on the way cut it: no goodbye of either side. */
const isCut = ({ end }: Ended): boolean => end.by === 'network' && end.reason !== 'ping_timeout';

/** Within two seconds, or a tenth of what is short. */
const isNear = (ms: number, otherMs: number): boolean =>
  Math.abs(ms - otherMs) <= Math.min(TOLERANCE_MS, otherMs / 10);

/** A known time-out near a span, in s. */
function knownTimeout(ms: number): number | undefined {
  return [...KNOWN_TIMEOUTS_S.keys()].find((seconds) => isNear(ms, seconds * 1_000));
}

/** Connections that end at the same age or after the same silence, without a word of either side. */
export const proxyTimeout: Rule = {
  id: 'proxy_timeout',
  read(evidence): Conclusion | undefined {
    const all = endedConnections(evidence.episodes);
    const cut = all.filter(isCut);
    if (cut.length === 0) return undefined;
    const found = rhythm(cut) ?? bySingleSilence(cut);
    return found && conclude(found, cut, all, evidence);
  },
};

/** A tenth shorter, and whole seconds: a ping has to be there before the cut. */
const withMargin = (ms: number): number => Math.floor((ms * 0.9) / 1_000) * 1_000;

interface Rhythm {
  readonly ms: number;
  readonly of: 'age' | 'silence';
  readonly count: number;
  readonly timeoutS: number | undefined;
}

/**
 * Four or more that were equally old, or silent for equally long. Where nothing was sent at all both are so, and it is the
 * silence that a proxy counts.
 */
function rhythm(cut: readonly Ended[]): Rhythm | undefined {
  const age = rhythmIn(cut.map(lifetimeOf), 'age');
  const silence = rhythmIn(
    cut.flatMap(({ end }) => end.idleMs ?? []),
    'silence',
  );
  if (!silence || silence.ms < SILENCE_MS) return age;
  return !age || silence.ms > age.ms - TOLERANCE_MS ? silence : age;
}

function rhythmIn(values: readonly number[], of: Rhythm['of']): Rhythm | undefined {
  if (values.length < RHYTHM_EPISODES) return undefined;
  const { median, spread } = rhythmOf(values);
  if (spread > TOLERANCE_MS) return undefined;
  return { ms: median, of, count: values.length, timeoutS: knownTimeout(median) };
}

/** A proxy's time-out counts from the last byte: one cut is enough to name it, four to be sure. */
function bySingleSilence(cut: readonly Ended[]): Rhythm | undefined {
  const silent = cut.filter(({ end }) => end.idleMs !== null && knownTimeout(end.idleMs) !== undefined);
  const last = silent.at(-1);
  if (!last) return undefined;
  const ms = last.end.idleMs!;
  return { ms, of: 'silence', count: silent.length, timeoutS: knownTimeout(ms) };
}

function conclude(
  { ms, of, count, timeoutS }: Rhythm,
  cut: readonly Ended[],
  all: readonly Ended[],
  { pingIntervalMs, pingTimeoutMs }: Evidence,
): Conclusion {
  const isSure = count >= RHYTHM_EPISODES && timeoutS !== undefined;
  const what = of === 'age' ? `when they are ${span(ms)} old` : `after ${span(ms)} of silence`;
  const codes = [...new Set(cut.map(({ end }) => end.closeCode))].filter((code) => code !== null);
  return {
    confidence: isSure ? 'certain' : count >= RHYTHM_EPISODES ? 'likely' : 'possible',
    title: `Something on the way cuts connections ${what}`,
    because: [
      `${count} of ${times(all.length, 'connection')} ended ${of === 'age' ? `when ${span(ms)} old` : what}, without a goodbye of client or gateway`,
      ...(codes.length > 0 ? [`close code ${codes.join(', ')}`] : []),
      ...(timeoutS === undefined
        ? []
        : [`${timeoutS} s is the time-out of ${KNOWN_TIMEOUTS_S.get(timeoutS)}`]),
      ...(isNear(ms, pingIntervalMs + pingTimeoutMs)
        ? [
            `${span(pingIntervalMs + pingTimeoutMs)} is when a client gives up that gets no pings of this gateway`,
          ]
        : []),
    ],
    try: [
      'raise the read or idle time-out of the proxy to an hour',
      ...(of === 'silence' && ms <= pingIntervalMs
        ? [
            `or set SWITCHBOARD_PING_INTERVAL_MS to ${withMargin(ms)} or less: pings come every ${span(pingIntervalMs)}, too seldom for it`,
          ]
        : []),
      'see deploy/ for settings of nginx and HAProxy that hold',
    ],
  };
}
