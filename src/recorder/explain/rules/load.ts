import type { Conclusion, Rule } from '../finding.js';
import type { Episode, EpisodeFact } from '../../episode.js';
import { at, endedConnections, factsOf, howOften, size, times, withReason } from '../reading.js';

/** A client that reads more slowly than it is sent to. */
export const slowConsumer: Rule = {
  id: 'slow_consumer',
  read({ episodes }): Conclusion | undefined {
    const ended = withReason(episodes, 'slow_consumer');
    const last = ended.at(-1);
    if (!last) return undefined;
    return {
      confidence: 'certain',
      title: 'The client did not read what it was sent, and was ended before it cost others memory',
      because: [
        howOften(ended, endedConnections(episodes), 'ended so'),
        `up to ${size(last.traffic.unsentPeak)} were unsent`,
        `${times(last.traffic.eventsOut, 'event')} and ${size(last.traffic.bytesOut)} had been sent to it`,
      ],
      try: [
        'send less: join fewer rooms, or publish with `volatile` what is soon out of date',
        'look at the network of the client, or at a page that blocks its only thread',
        'raise SWITCHBOARD_MAX_BUFFERED_BYTES where memory allows',
      ],
    };
  },
};

const overRate = (episode: Episode): EpisodeFact[] =>
  factsOf(episode, 'limit', 'join_refused').filter(({ code }) => code === 'limit.rate');

const eventsOf = (episodes: readonly Episode[]): number =>
  episodes.reduce((sum, { traffic }) => sum + traffic.eventsIn, 0);

/** A client that sends more than it may. */
export const flooding: Rule = {
  id: 'flooding',
  read({ episodes, eventsPerSecond, eventsBurst }): Conclusion | undefined {
    const limited = episodes.filter((episode) => overRate(episode).length > 0);
    const limits = limited.flatMap(overRate);
    const ended = withReason(episodes, 'limit.rate');
    const last = limits.at(-1);
    if (!last && ended.length === 0) return undefined;
    return {
      confidence: ended.length > 0 ? 'certain' : 'likely',
      title: 'The client sends events faster than it may',
      because: [
        `it may send ${times(eventsPerSecond, 'event')} per second, and ${eventsBurst} at once after a pause`,
        ...(last
          ? [
              `${limited.some(({ isCut }) => isCut) ? 'at least ' : ''}${limits.length} of ${times(eventsOf(limited), 'event')} were answered with limit.rate, the last at ${at(last.at)}`,
            ]
          : []),
        ...(ended.length > 0 ? [howOften(ended, endedConnections(episodes), 'ended for it')] : []),
      ],
      try: [
        'look for a loop in the client: an event that is sent on every render, or on every key',
        'heed `retryAfterMs` of limit.rate',
        'raise SWITCHBOARD_EVENTS_PER_SECOND and SWITCHBOARD_EVENTS_BURST',
      ],
    };
  },
};
