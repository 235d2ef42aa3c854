/** Small readings of episodes that several rules share. */
import type { Episode, EpisodeEnd, EpisodeFact } from '../episode.js';

/** An episode that has ended. */
export type Ended = Episode & { readonly end: EpisodeEnd; readonly endedAt: number };

export const hasEnded = (episode: Episode): episode is Ended =>
  episode.end !== null && episode.endedAt !== null;

/** Episodes in which the client was let in and that are over. */
export const endedConnections = (episodes: readonly Episode[]): Ended[] =>
  episodes.filter(hasEnded).filter(({ connectedAt }) => connectedAt !== null);

export const withReason = (episodes: readonly Episode[], ...reasons: readonly string[]): Ended[] =>
  endedConnections(episodes).filter(({ end }) => reasons.includes(end.reason));

export const factsOf = (episode: Episode, ...kinds: readonly EpisodeFact['kind'][]): EpisodeFact[] =>
  episode.facts.filter(({ kind }) => kinds.includes(kind));

export const lifetimeOf = ({ connectedAt, endedAt, openedAt }: Ended): number =>
  endedAt - (connectedAt ?? openedAt);

export const at = (ms: number): string => new Date(ms).toISOString();

/** A time span for people: 850 ms, 12 s, 3 min, 2 h. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Math.round(ms / 100) / 10} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 6_000) / 10} min`;
  return `${Math.round(ms / 360_000) / 10} h`;
}

/** A size for people. */
export const size = (bytes: number): string =>
  bytes < 10_000
    ? `${bytes} bytes`
    : bytes < 10_000_000
      ? `${Math.round(bytes / 1_000)} kB`
      : `${Math.round(bytes / 1_000_000)} MB`;

export const times = (count: number, one: string, many = `${one}s`): string =>
  count === 1 ? `1 ${one}` : `${count} ${many}`;

/** "3 of 5 connections ended so, the last at …": how often, of how many, and when last. */
export function howOften(some: readonly Ended[], all: readonly Ended[], what: string): string {
  return `${some.length} of ${times(all.length, 'connection')} ${what}, the last at ${at(some.at(-1)!.endedAt)}`;
}

/** The middle value and the largest distance from it of most values: one odd one out of four does not hide a rhythm. */
export function rhythmOf(values: readonly number[]): { readonly median: number; readonly spread: number } {
  const sorted = values.toSorted((one, other) => one - other);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  const distances = sorted.map((value) => Math.abs(value - median)).toSorted((one, other) => one - other);
  return { median, spread: distances[Math.ceil(distances.length * 0.75) - 1]! };
}

/** Whether an upgrade to WebSocket has begun and neither ended nor failed: the client has paused its polling for it. */
export const isHalfUpgraded = (episode: Episode): boolean =>
  episode.transport === 'polling' &&
  factsOf(episode, 'upgrade_tried').length > 0 &&
  factsOf(episode, 'upgraded', 'upgrade_failed').length === 0;

/** Whether the client runs on a phone or tablet, as far as its user agent says so. */
export const isMobile = ({ userAgent }: Episode): boolean =>
  userAgent !== null && /Mobile|Android|iPhone|iPad|iOS|okhttp|Dalvik|Darwin/.test(userAgent);

/** Whether the client is a page in a browser. */
export const isBrowser = ({ userAgent }: Episode): boolean =>
  userAgent !== null && userAgent.startsWith('Mozilla/');
