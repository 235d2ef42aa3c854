/** Did this user get that publication? [X3] Pure: read from the publication's story and the user's connections. */
import type { Selection, Target } from '../../protocol/publication.js';
import { factName, type Episode } from '../episode.js';
import type { Delivered, PublicationStory } from '../publication-story.js';
import type { Conclusion } from './finding.js';
import { at, factsOf, span, times } from './reading.js';

/** What became of a publication for a user; the best that happened at any of the user's sockets. Best first. */
export const VERDICTS = [
  'acknowledged',
  'written',
  'replayed',
  'waiting',
  'slow_consumer',
  'volatile_dropped',
  'node_lost',
  'excluded',
  'join_refused',
  'not_in_room',
  'other_namespace',
  'offline',
  'no_record',
] as const;

export type Verdict = (typeof VERDICTS)[number];

/** A verdict and what it was read from. */
export interface PublicationVerdict {
  readonly verdict: Verdict;
  readonly because: readonly string[];
  readonly socketId: string | null;
}

/** A node that died this soon after a publication may not have written it. */
const LOST_WITHIN_MS = 30_000;

/** The verdict for a user. Without a story there is no record. */
export function verdictOf(
  story: PublicationStory | undefined,
  user: string,
  episodes: readonly Episode[],
): PublicationVerdict {
  if (!story) {
    return {
      verdict: 'no_record',
      because: [
        'no publication with this ID is remembered: they are for ten minutes, or until there are too many',
      ],
      socketId: null,
    };
  }
  const mine = episodes.filter((episode) => episode.user === user && episode.connectedAt !== null);
  const open = mine.filter((episode) => isOpenAt(episode, story.at));
  const verdicts = open.map((episode) => ofSocket(story, user, episode));
  if (open.length === 0) verdicts.push(whileAway(story, user, mine));
  return verdicts.toSorted(
    (one, other) => VERDICTS.indexOf(one.verdict) - VERDICTS.indexOf(other.verdict),
  )[0]!;
}

/** What a publication's story says when nobody in particular is asked for. */
export function storyFinding(story: PublicationStory): Conclusion | undefined {
  if (story.matched > 0) return undefined;
  return {
    confidence: 'certain',
    title: `The publication ${story.event} matched no connected socket`,
    because: [
      `sent to ${targetText(story.to)} at ${at(story.at)}`,
      'no connected socket was in its target then',
    ],
    try: [
      'compare names to the letter, and namespaces',
      'ask with `&user=` for the one who should have got it',
      'give the room a history, so that those who come later can ask for it',
    ],
  };
}

const isOpenAt = ({ connectedAt, endedAt }: Episode, time: number): boolean =>
  connectedAt! <= time && (endedAt === null || endedAt > time);

const OF_DELIVERY: Readonly<Record<Delivered['what'], string>> = {
  acknowledged: 'the client acknowledged it',
  replayed: 'it was sent when the client came back',
  waiting: 'it waits until the client has taken what it missed before',
  volatile_dropped: 'the socket was not ready, and the publication was volatile',
  slow_consumer: 'the client did not read, and was ended before it got it',
};

function ofSocket(story: PublicationStory, user: string, episode: Episode): PublicationVerdict {
  const { socketId } = episode;
  const verdict = (what: Verdict, ...because: readonly string[]): PublicationVerdict => ({
    verdict: what,
    because: [`socket ${socketId} was connected since ${at(episode.connectedAt!)}`, ...because],
    socketId,
  });
  const special = story.exceptions.findLast((each) => each.socketId === socketId);
  if (special) return verdict(special.what, `${OF_DELIVERY[special.what]}, at ${at(special.at)}`);
  if (story.namespace !== null && episode.namespace !== story.namespace) {
    return verdict('other_namespace', `it is on ${episode.namespace}, the publication on ${story.namespace}`);
  }
  const rooms = roomsAt(episode, story.at);
  if (!isTargeted(story.to, user, socketId, rooms)) return untargeted(story, episode, verdict);
  if (isTargeted(story.except, user, socketId, rooms)) {
    return verdict('excluded', `\`except\` took it off: ${targetText(story.except)}`);
  }
  const { end, endedAt } = episode;
  if (end?.reason === 'slow_consumer' && story.at >= endedAt! - (end.behindForMs ?? 0)) {
    return verdict('slow_consumer', `${OF_DELIVERY.slow_consumer}, at ${at(endedAt!)}`);
  }
  if (end?.by === 'node' && endedAt! - story.at < LOST_WITHIN_MS) {
    return verdict('node_lost', `its node ${episode.node} died ${span(endedAt! - story.at)} later`);
  }
  return verdict(
    'written',
    `it was in the target (${targetText(story.to)}), and the publication was written to it`,
  );
}

function untargeted(
  { to, at: publishedAt }: PublicationStory,
  episode: Episode,
  verdict: (what: Verdict, ...because: readonly string[]) => PublicationVerdict,
): PublicationVerdict {
  const rooms = 'all' in to ? [] : (to.rooms ?? []).map(factName);
  const refusal = factsOf(episode, 'join_refused', 'joined').findLast(
    (fact) => fact.at <= publishedAt && rooms.includes(fact.name ?? ''),
  );
  if (refusal?.kind === 'join_refused') {
    return verdict(
      'join_refused',
      `it asked for ${refusal.name} at ${at(refusal.at)} and was refused: ${refusal.code}`,
    );
  }
  const late = factsOf(episode, 'joined').find(
    (fact) => fact.at > publishedAt && rooms.includes(fact.name ?? ''),
  );
  if (episode.isCut && rooms.length > 0) {
    return verdict('no_record', 'more happened to it than is kept: its rooms of that time are not all known');
  }
  return verdict(
    'not_in_room',
    `it was not in ${targetText(to)}`,
    ...(late ? [`it joined ${late.name} ${span(late.at - publishedAt)} after the publication`] : []),
  );
}

/** No socket of the user was connected then: one that came back with its session got it later. */
function whileAway(story: PublicationStory, user: string, episodes: readonly Episode[]): PublicationVerdict {
  const before = episodes.findLast(({ endedAt }) => endedAt !== null && endedAt <= story.at);
  const back = episodes.find(({ connectedAt }) => connectedAt! > story.at);
  const special = back && story.exceptions.find((each) => each.socketId === back.socketId);
  if (special) {
    return { verdict: special.what, because: [OF_DELIVERY[special.what]], socketId: special.socketId };
  }
  if (before && back?.recovery?.outcome === 'recovered' && !story.volatile) {
    const wasIn = isTargeted(story.to, user, before.socketId, roomsAt(before, Infinity));
    if (wasIn) {
      return {
        verdict: 'replayed',
        because: [
          `the user was away, and socket ${back.socketId} came back with its session at ${at(back.connectedAt!)}`,
        ],
        socketId: back.socketId,
      };
    }
  }
  return {
    verdict: 'offline',
    because: [
      before
        ? `the user's last connection before it ended at ${at(before.endedAt!)}`
        : 'no connection of the user at that time is in the record',
      ...(back ? [`the next began at ${at(back.connectedAt!)}, as a new session`] : []),
    ],
    socketId: null,
  };
}

/** The rooms that a socket was in at a time, as far as its facts reach back. */
function roomsAt({ facts }: Episode, time: number): ReadonlySet<string> {
  const rooms = new Set<string>();
  for (const fact of facts) {
    if (fact.at > time || fact.name === undefined) continue;
    if (fact.kind === 'joined') rooms.add(fact.name);
    else if (fact.kind === 'left') rooms.delete(fact.name);
  }
  return rooms;
}

function isTargeted(
  target: Target | Selection,
  user: string,
  socketId: string | null,
  rooms: ReadonlySet<string>,
): boolean {
  if ('all' in target) return true;
  return (
    (target.users?.includes(user) ?? false) ||
    (socketId !== null && (target.sockets?.includes(socketId) ?? false)) ||
    (target.rooms?.some(
      (room) => rooms.has(factName(room)) || room === `user:${user}` || room === socketId,
    ) ??
      false)
  );
}

/** A target for people: at most three names of each kind. */
function targetText(target: Target | Selection): string {
  if ('all' in target) return 'everyone';
  const part = (one: string, names: readonly string[] | undefined): string[] =>
    names === undefined || names.length === 0
      ? []
      : [`${names.length === 1 ? one : times(names.length, one)} ${names.slice(0, 3).join(', ')}`];
  return [
    ...part('room', target.rooms),
    ...part('user', target.users),
    ...part('socket', target.sockets),
  ].join('; ');
}
