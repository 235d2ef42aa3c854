/** What several nodes and shared state know, put together. */
import type { SocketEntry } from '../protocol/entries.js';
import { factName, type Episode } from './episode.js';
import { REFUSALS_PER_USER } from './flight-recorder.js';
import type { Delivered, PublicationStory } from './publication-story.js';

/** What a node knows of a publication. */
export interface StoryPart {
  readonly story: PublicationStory | null;
  readonly exceptions: readonly Delivered[];
}

/**
 * Each connection once, as it is known best: that it has ended is truer than that it was open, and what its own node says of
 * its end truer than what others took it for. A node that stood still for longer than its lease is taken for dead, and
 * comes back.
 */
export function eachOnce(episodes: readonly Episode[]): Episode[] {
  const known = new Map<string, Episode>();
  for (const episode of episodes) {
    const { node, socketId, user, connectedAt, openedAt } = episode;
    const key = `${node} ${socketId} ${connectedAt ?? openedAt} ${user}`;
    const other = known.get(key);
    if (!other || truth(episode) > truth(other)) known.set(key, episode);
  }
  return [...known.values()];
}

const truth = ({ end, endedAt }: Episode): number => (endedAt === null ? 0 : end?.by === 'node' ? 1 : 2);

/** The newest refusals only: those of many nodes must not push out what is known of a user. */
export function withoutClaims(episodes: readonly Episode[]): Episode[] {
  const refused = episodes.filter(({ refusal }) => refusal !== null);
  const newest = refused.toSorted((one, other) => other.openedAt - one.openedAt).slice(0, REFUSALS_PER_USER);
  return episodes.filter((episode) => episode.refusal === null || newest.includes(episode));
}

/**
 * An open socket to which more happened than is kept, with the rooms that it is in now: it joined those that no fact names
 * before its first fact.
 */
export function withRoomsOfNow(episode: Episode, entries: readonly SocketEntry[]): Episode {
  const { socketId, isCut, facts } = episode;
  const entry = isCut ? entries.find((each) => each.socketId === socketId) : undefined;
  const first = facts[0];
  if (!entry || !first) return episode;
  const named = new Set(facts.map(({ name }) => name));
  const before = entry.rooms
    .map(factName)
    .filter((room) => !named.has(room))
    .map((name) => ({ at: first.at, kind: 'joined', name }) as const);
  return { ...episode, facts: [...before, ...facts] };
}

/** A connection that broke and may come back is waited for: nobody is told yet that its user has left. [M4] */
export function heldUntilOf(episodes: readonly Episode[], windowMs: number, now: number): number | null {
  const last = episodes.findLast(({ connectedAt, endedAt }) => connectedAt !== null && endedAt !== null);
  if (!last?.end?.comesBack) return null;
  const until = last.endedAt! + windowMs;
  return until > now ? until : null;
}

export function mergeStories(parts: readonly StoryPart[]): PublicationStory | undefined {
  const stories = parts.flatMap(({ story }) => story ?? []);
  // The node that took it knows who sent it, and what the others told it to have matched.
  const first = stories.toSorted((one, other) => other.matched - one.matched || one.at - other.at)[0];
  if (!first) return undefined;
  const author = stories.find(({ by }) => by.kind !== 'app')?.by ?? first.by;
  const byNode = new Map(stories.flatMap(({ nodes }) => nodes.map((each) => [each.node, each] as const)));
  return {
    ...first,
    by: author,
    nodes: [...byNode.values()],
    exceptions: parts
      .flatMap(({ story, exceptions }) => story?.exceptions ?? exceptions)
      .toSorted((one, other) => one.at - other.at),
    isCut: stories.some(({ isCut }) => isCut),
  };
}
