import type { Conclusion, Rule } from '../finding.js';
import type { Evidence } from '../../episode.js';
import {
  endedConnections,
  howOften,
  isBrowser,
  isHalfUpgraded,
  isMobile,
  span,
  withReason,
  type Ended,
} from '../reading.js';

/** A node whose own timers were this late stood still. */
const STALLED_MS = 1_000;

/** So late that a client had no time to answer: its silence says nothing about it. */
const tookTheTime = ({ end }: Ended, { pingTimeoutMs }: Evidence): boolean =>
  end.loopLagMs >= Math.max(STALLED_MS, pingTimeoutMs / 2);

/** Timers of a hidden page run once a minute at most, so that 2.x clients ping too late. */
const isAsleep = (episode: Ended): boolean =>
  isMobile(episode) || (isBrowser(episode) && episode.protocol === 3);

const timeouts = (evidence: Evidence): Ended[] =>
  withReason(evidence.episodes, 'ping_timeout').filter((ended) => !tookTheTime(ended, evidence));

/** The client did not answer pings, while its node was well. */
export const pingTimeout: Rule = {
  id: 'ping_timeout',
  read(evidence): Conclusion | undefined {
    const ended = timeouts(evidence);
    const last = ended.at(-1);
    if (!last) return undefined;
    const { max, last: lastTrip } = last.ping;
    const wasSlow = max !== null && max > evidence.pingTimeoutMs / 4;
    return {
      confidence:
        isAsleep(last) || isHalfUpgraded(last)
          ? 'possible'
          : last.end.loopLagMs >= STALLED_MS
            ? 'likely'
            : 'certain',
      title: `The client stopped answering: no pong for ${span(last.end.lastPongAgoMs ?? evidence.pingTimeoutMs)}`,
      because: [
        howOften(ended, endedConnections(evidence.episodes), 'ended with a ping time-out'),
        `checked every ${span(evidence.pingIntervalMs)}, with ${span(evidence.pingTimeoutMs)} to answer`,
        `round trips before: last ${lastTrip === null ? 'none' : span(lastTrip)}, longest ${max === null ? 'none' : span(max)}`,
        last.end.loopLagMs >= STALLED_MS
          ? `the node was late too, by ${span(last.end.loopLagMs)}, which left the client time to answer`
          : `the node was well: its timers were ${span(last.end.loopLagMs)} late`,
        ...(isHalfUpgraded(last) ? ['it had begun an upgrade to WebSocket that never ended'] : []),
      ],
      try: [
        wasSlow
          ? 'look at the network of the client: round trips were slow before it fell silent'
          : 'look for a device that slept, a page that blocked its only thread, or a network that changed',
        'raise SWITCHBOARD_PING_TIMEOUT_MS where clients block for long',
      ],
    };
  },
};

/** Phones and hidden pages of 2.x clients stop their timers. */
export const tabAsleep: Rule = {
  id: 'tab_asleep',
  read(evidence): Conclusion | undefined {
    const ended = timeouts(evidence).filter(isAsleep);
    const last = ended.at(-1);
    if (!last) return undefined;
    const cameBack = last.next !== null && last.next.gapMs > evidence.pingTimeoutMs;
    return {
      confidence: cameBack ? 'likely' : 'possible',
      title: isMobile(last)
        ? 'A phone or tablet went to sleep, or its page was put in the background'
        : 'A hidden page slept: 2.x clients send their pings by a timer, which browsers slow down',
      because: [
        howOften(ended, endedConnections(evidence.episodes), 'ended so'),
        `user agent ${last.userAgent}`,
        ...(last.protocol === 3 ? ['a 2.x client: it has to ping by itself'] : []),
        ...(cameBack ? [`came back ${span(last.next.gapMs)} later`] : []),
      ],
      try: [
        'ask for recovery with `auth: {recovery: true}`, so that what was missed arrives on return',
        ...(last.protocol === 3 ? ['move to a 4.x client: there the gateway pings'] : []),
        'send what must arrive while the device sleeps as a push notification',
      ],
    };
  },
};

/** The node itself stood still, so that its clients seemed silent. */
export const nodeStalled: Rule = {
  id: 'node_stalled',
  read(evidence): Conclusion | undefined {
    const all = endedConnections(evidence.episodes);
    const ended = all.filter(({ end }) => end.reason === 'node.stalled' || end.loopLagMs >= STALLED_MS);
    const last = ended.at(-1);
    if (!last) return undefined;
    const isTold =
      last.end.reason === 'node.stalled' ||
      (last.end.reason === 'ping_timeout' && tookTheTime(last, evidence));
    return {
      confidence: isTold ? 'certain' : 'possible',
      title: `Node ${last.node} stood still for ${span(last.end.loopLagMs)}`,
      because: [
        howOften(ended, all, 'ended while the node was late'),
        `timers of ${last.node} were ${span(last.end.loopLagMs)} late at that time`,
      ],
      try: [
        'look for `event loop stalled` in the log of that node, and for what else ran on its machine then',
        'look at a handler of the app that computes for long in one turn',
      ],
    };
  },
};
