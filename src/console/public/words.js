/** An episode of the flight record in words, in the order in which it happened. [X1] Pure: `[{at, tone, text}]`. */
import { agentText, size, span, times, words } from './text.js';

/** A time in a line: the page shows it as it shows the others. */
const isoText = (at) => new Date(at).toISOString();

const ENDED_BY = {
  client: 'The client ended it',
  network: 'It broke on the way, and neither side said goodbye',
  gateway: 'The gateway ended it',
  node: 'Its node died',
};

const MEANINGS = {
  kicked: ' (a backend or an operator disconnected it)',
};

const CLOSE_CODES = {
  1000: 'a normal close',
  1001: 'the page or the server went away',
  1005: 'closed without a code',
  1006: 'cut without a goodbye',
  1009: 'a message was too big',
  1011: 'the server failed',
  1012: 'the server restarts',
};

const FACTS = {
  joined: ({ name, count }) => ['', count ? `Joined ${count} rooms: ${name}` : `Joined the room ${name}`],
  left: ({ name, count }) => ['', count ? `Left ${count} rooms: ${name}` : `Left the room ${name}`],
  join_refused: ({ name, code }) => ['bad', `Asked for the room ${name} and was refused: ${code}`],
  limit: ({ name, code }) => ['bad', `Ran into a limit: ${code ?? name}`],
  request_failed: ({ name, code }) => ['bad', `Its request ${name} failed: ${code}`],
  answered_late: ({ name, ms }) => ['wait', `Its request ${name} was answered only after ${span(ms ?? 0)}`],
  not_answered: ({ name }) => ['bad', `Its request ${name} got no answer`],
  upgrade_tried: () => ['', 'Tried to go from polling to WebSocket'],
  upgrade_failed: ({ code }) => [
    'bad',
    `Could not go to WebSocket${code ? `: ${words(code)}` : ''}, and stayed on polling`,
  ],
  upgraded: ({ ms }) => [
    'ok',
    `Went from polling to WebSocket${ms === undefined ? '' : ` after ${span(ms)}`}`,
  ],
  recovery_asked: () => ['', 'Asked for its old session'],
  ack_missing: ({ name }) => ['wait', `Did not acknowledge ${name}`],
};

/** How a connection went, in one line. */
export function headlineOf(episode, now) {
  const { refusal, connectedAt, endedAt, openedAt, transport, end } = episode;
  if (refusal !== null) return { tone: 'bad', text: `Refused: ${refusal.code}` };
  if (connectedAt === null) return { tone: 'bad', text: 'Never got in' };
  if (endedAt === null)
    return { tone: 'ok', text: `Connected for ${span(now - connectedAt)} by ${transport}` };
  const why = end === null ? '' : `: ${words(end.reason)}`;
  return {
    tone: end?.comesBack ? 'wait' : 'idle',
    text: `Connected for ${span(endedAt - (connectedAt ?? openedAt))}${why}`,
  };
}

/** Whether a time line has lines that tell of something bad. */
export const hasTroubles = (episodes) =>
  episodes.some((episode) => linesOf(episode).some(({ tone }) => tone === 'bad'));

/** Everything that is known of a connection. */
export function linesOf(episode) {
  return [arrival(episode), ...welcome(episode), ...during(episode), ...health(episode), ...ending(episode)];
}

function arrival({ openedAt, firstTransport, address, userAgent, origin, protocol }) {
  const page = origin ? `, from the page ${origin}` : '';
  const client = protocol === 3 ? 'a 2.x client' : 'a 3.x or 4.x client';
  return {
    at: openedAt,
    tone: '',
    text: `${agentText(userAgent)} at ${address} asked to connect by ${firstTransport}${page} (${client})`,
    to: { view: 'address', value: address, label: 'all from there' },
  };
}

function welcome({ refusal, recovery, connectedAt, openedAt, socketId, node, user, namespace }) {
  if (refusal !== null) {
    const stage = refusal.stage ? `, at the ${words(refusal.stage)}` : '';
    return [
      { at: openedAt, tone: 'bad', text: `Was refused with ${refusal.code}${stage}: ${refusal.cause}` },
    ];
  }
  if (connectedAt === null) return [];
  const where = namespace === '/' ? '' : ` in the namespace ${namespace}`;
  const lines = [
    {
      at: connectedAt,
      tone: 'ok',
      text: `Was let in after ${span(connectedAt - openedAt)} as ${user ?? 'nobody in particular'}${where}, socket ${socketId}, on node ${node}`,
      to: { view: 'node', value: node, label: 'all nodes' },
    },
  ];
  if (recovery === null) return lines;
  const text =
    recovery.outcome === 'recovered'
      ? 'Got its old session back, with its rooms and what it had missed'
      : `Did not get its old session back${recovery.why ? `: ${words(recovery.why)}` : ''}`;
  return [...lines, { at: connectedAt, tone: recovery.outcome === 'recovered' ? 'ok' : 'bad', text }];
}

/** Rooms of one line. */
const ROOMS_NAMED = 3;

/** Many rooms one after the other are one line. */
function roomsTogether(facts, atLeast) {
  const runs = [];
  for (const fact of facts) {
    const run = runs.at(-1);
    const isOneMore = fact.kind === run?.[0].kind && (fact.kind === 'joined' || fact.kind === 'left');
    if (isOneMore) run.push(fact);
    else runs.push([fact]);
  }
  return runs.flatMap((run) => {
    if (run.length <= ROOMS_NAMED) return run;
    const names = run.slice(0, ROOMS_NAMED).map(({ name }) => name);
    const until = isoText(run.at(-1).at);
    const name = `${names.join(', ')} and ${run.length - ROOMS_NAMED} more, until ${until}`;
    return [{ ...run[0], name, count: `${atLeast}${run.length}` }];
  });
}

/** The same thing again and again is one line that says how often. */
function during({ facts, isCut }) {
  const lines = [];
  // The newest are kept, so that there may have been more of each.
  const atLeast = isCut ? 'at least ' : '';
  for (const fact of roomsTogether(facts, atLeast)) {
    const [tone, text] = FACTS[fact.kind]?.(fact) ?? [
      '',
      [words(fact.kind), fact.name, fact.code].filter(Boolean).join(' '),
    ];
    const last = lines.at(-1);
    if (last?.what === text) {
      last.count += 1;
      last.text = `${text}, ${atLeast}${last.count} times until ${isoText(fact.at)}`;
    } else lines.push({ at: fact.at, tone, text, what: text, count: 1 });
  }
  return lines;
}

function health({ ping, lastPongAt, traffic, connectedAt, endedAt }) {
  if (connectedAt === null) return [];
  const { eventsIn, eventsOut, bytesIn, bytesOut, unsentPeak } = traffic;
  const lines = [];
  if (ping.last !== null) {
    const slow = ping.max !== null && ping.max > 1_000;
    const range =
      ping.min === ping.max
        ? span(ping.last)
        : `${span(ping.min)} to ${span(ping.max)}, the last ${span(ping.last)}`;
    lines.push({ at: lastPongAt ?? endedAt, tone: slow ? 'wait' : '', text: `Its pings took ${range}` });
  }
  lines.push({
    at: null,
    tone: '',
    text: `In all it sent ${times(eventsIn, 'event')} (${size(bytesIn)}) and was sent ${times(eventsOut, 'event')} (${size(bytesOut)})`,
  });
  if (unsentPeak > 65_536) {
    lines.push({ at: null, tone: 'bad', text: `Up to ${size(unsentPeak)} waited because it did not read` });
  }
  return lines;
}

function ending({ end, endedAt, next, connectedAt }) {
  if (end === null || endedAt === null || connectedAt === null) return after(next, endedAt);
  const code =
    end.closeCode === null
      ? ''
      : `, close code ${end.closeCode}${CLOSE_CODES[end.closeCode] ? ` (${CLOSE_CODES[end.closeCode]})` : ''}`;
  const lines = [
    {
      at: endedAt,
      tone: end.by === 'client' ? '' : 'bad',
      text: `${ENDED_BY[end.by] ?? 'It ended'}: ${words(end.reason)}${MEANINGS[end.reason] ?? ''}${code}`,
    },
  ];
  const silence = [];
  if (end.idleMs !== null) silence.push(`nothing had been sent or received for ${span(end.idleMs)}`);
  if (end.lastPongAgoMs !== null) silence.push(`its last pong was ${span(end.lastPongAgoMs)} ago`);
  if (end.unsentBytes) silence.push(`${size(end.unsentBytes)} were still unsent`);
  if (end.loopLagMs > 100) silence.push(`the node's own timers were ${span(end.loopLagMs)} late`);
  if (silence.length > 0) lines.push({ at: null, tone: '', text: `By then ${silence.join('; ')}` });
  if (next === null) {
    lines.push({
      at: null,
      tone: '',
      text: end.comesBack
        ? 'Stock clients come back by themselves after this; this one has not'
        : 'Stock clients stay away after this',
    });
  }
  return [...lines, ...after(next, endedAt)];
}

const after = (next, endedAt) =>
  next === null || next === undefined
    ? []
    : [
        {
          at: endedAt === null ? null : endedAt + next.gapMs,
          tone: 'ok',
          text: `Came back ${span(Math.max(0, next.gapMs))} later as socket ${next.socketId}`,
          to: { view: 'socket', value: next.socketId, label: 'its story' },
        },
      ];

/** What the whole record says about somebody, before any detail. */
export function summaryOf(episodes, now) {
  if (episodes.length === 0) return 'No connection is on record.';
  const refused = episodes.filter(({ refusal }) => refusal !== null);
  const ended = episodes.filter(({ endedAt, connectedAt }) => endedAt !== null && connectedAt !== null);
  const open = episodes.filter(({ endedAt, connectedAt }) => endedAt === null && connectedAt !== null);
  const since = span(now - Math.min(...episodes.map(({ openedAt }) => openedAt)));
  const parts = [`${times(episodes.length, 'connection')} on record over the last ${since}`];
  if (open.length > 0) parts.push(`${open.length} still open`);
  if (refused.length > 0) parts.push(`${refused.length} refused`);
  const reasons = new Map();
  for (const { end } of ended) reasons.set(end?.reason, (reasons.get(end?.reason) ?? 0) + 1);
  const [commonest] = [...reasons].sort(([, one], [, other]) => other - one);
  if (commonest?.[0]) parts.push(`${commonest[1]} ended with “${words(commonest[0])}”`);
  return `${parts.join(', ')}.`;
}
