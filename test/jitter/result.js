/** What a run has shown, as a table. */
import { PositionClient, SessionClient, StockClient } from './clients.js';

const MB = 2 ** 20;
const MAX_SHOWN = 20;

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** The value that this share of the sorted list does not exceed. */
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

export function renderResult({ clients, publisher, proxy, rss, problems, seed, seconds, every }) {
  const of = (Kind) => clients.filter((client) => client instanceof Kind).length;
  const count = (name) => sum(clients.map(({ inbox }) => inbox.counts[name]));
  const replays = clients.flatMap(({ replays: times }) => times).toSorted((one, other) => one - other);
  const faults = {
    lost: sum(clients.map(({ inbox }) => inbox.lost)),
    doubled: count('doubled'),
    'out of order': count('outOfOrder'),
    'not recovered': sum(clients.map(({ notRecovered }) => notRecovered)),
    'for others': count('strange'),
    'other problems': problems.length,
  };
  const strikes = Object.entries(proxy.strikes).map(([kind, times]) => `${kind} ${times}`);
  const mb = (bytes) => (bytes === undefined ? '–' : `${(bytes / MB).toFixed(0)} MB`);
  const ms = (share) => (replays.length === 0 ? '–' : `${quantile(replays, share).toFixed(1)} ms`);
  const rows = [
    ['clients', `${of(StockClient)} stock, ${of(SessionClient)} raw, ${of(PositionClient)} by position`],
    ['time', `${seconds} s, something happens to each connection every ${every} s on average; seed ${seed}`],
    ['strikes', strikes.join(', ')],
    ['publications', `${publisher.publications}, received ${count('received')} times`],
    [
      'resumes',
      `${sum(clients.map(({ resumes }) => resumes))}, ${replays.length} of them with something missed`,
    ],
    ...Object.entries(faults),
    ['replay time', `p50 ${ms(0.5)}, p99 ${ms(0.99)}, max ${ms(1)}`],
    ['RSS', `${mb(rss.start)} at start, ${mb(rss.connected)} connected, ${mb(rss.end)} at the end`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = [
    ...problems.slice(0, MAX_SHOWN).map((problem) => `PROBLEM ${problem}`),
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
  ];
  return {
    text: `${lines.join('\n')}\n`,
    isPerfect: Object.values(faults).every((number) => number === 0),
  };
}
