/** Findings about users who are connected several times. */
import type { Conclusion, Rule } from '../finding.js';
import type { Episode } from '../../episode.js';
import { at, endedConnections, isBrowser, span, times, type Ended } from '../reading.js';

/** A page with two clients gets everything twice. */
export const receivedTwice: Rule = {
  id: 'received_twice',
  read({ episodes }): Conclusion | undefined {
    for (const [index, episode] of episodes.entries()) {
      if (episode.connectedAt === null) continue;
      const twin = episodes.slice(index + 1).find((other) => isTwin(episode, other));
      if (!twin) continue;
      return {
        confidence: 'likely',
        title: 'Two sockets of one page: it gets everything twice',
        because: [
          `sockets ${episode.socketId} and ${twin.socketId} came ${span(twin.connectedAt! - episode.connectedAt)} apart, from ${episode.address}, with the same user agent, and were open together`,
          'each socket gets each publication once',
        ],
        try: [
          'call `io()` once for the page, and not in a component that is built again',
          'remove listeners with `socket.off` when a component goes',
        ],
      };
    }
    return undefined;
  },
};

const isTwin = (one: Episode, other: Episode): boolean =>
  isBrowser(one) &&
  other.connectedAt !== null &&
  one.user === other.user &&
  one.address === other.address &&
  one.userAgent === other.userAgent &&
  one.namespace === other.namespace &&
  Math.abs(other.connectedAt - one.connectedAt!) < 1_000 &&
  (one.endedAt === null || one.endedAt - other.connectedAt > 2_000);

/** A connection that came no longer before the other was ended may be why it was. */
const TAKES_OVER_WITHIN_MS = 10_000;
/** Once may be a new page in place of an old one. */
const FEWEST_TURNS = 2;
const SURE_TURNS = 4;

/** Ended by the app a moment after another connection of the same user came, which stayed at least until this one was back. */
const isTakenOver = (episode: Ended, episodes: readonly Episode[]): boolean => {
  const { end, endedAt, user, connectedAt, next } = episode;
  if (end.by !== 'gateway' || end.reason !== 'kicked' || next === null) return false;
  return episodes.some(
    (other) =>
      other.user === user &&
      other.connectedAt !== null &&
      other.connectedAt > connectedAt! &&
      other.connectedAt <= endedAt &&
      endedAt - other.connectedAt < TAKES_OVER_WITHIN_MS &&
      (other.endedAt === null || other.endedAt >= endedAt + next.gapMs),
  );
};

/** Two pages or devices of one user, of which the app lets one be: each that comes has the other ended, and it comes back. */
export const takenOver: Rule = {
  id: 'taken_over',
  read({ episodes }): Conclusion | undefined {
    const turns = endedConnections(episodes).filter((episode) => isTakenOver(episode, episodes));
    const last = turns.at(-1);
    if (!last || turns.length < FEWEST_TURNS) return undefined;
    const agents = new Set(turns.map(({ userAgent }) => userAgent)).size;
    const addresses = new Set(turns.map(({ address }) => address)).size;
    return {
      confidence: turns.length < SURE_TURNS ? 'possible' : 'likely',
      title:
        'Two pages or devices of the user take over from each other: each that connects has the other kicked',
      because: [
        `${times(turns.length, 'time')} a socket was ended with kicked within ${span(TAKES_OVER_WITHIN_MS)} of another one of the same user, and came back, the last at ${at(last.endedAt)}`,
        `they came from ${times(addresses, 'address', 'addresses')}, with ${times(agents, 'user agent')}`,
      ],
      try: [
        'look at the backend that disconnects the older socket: let it be without `reconnect=true`, so that the page stays away',
        'tell the page that it was replaced, and let its user take over by a button',
        'or allow several: SWITCHBOARD_MAX_SOCKETS_PER_USER bounds them',
      ],
    };
  },
};
