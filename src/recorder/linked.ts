import type { Episode, RecoveryOutcome } from './episode.js';

/**
 * Episodes in the order in which they were opened, each with the one that came after it. Why a client did not get a session
 * that is no longer known is read from what came before: how and when its last connection ended.
 */
export function linked(episodes: readonly Episode[], recoveryWindowMs = Infinity): Episode[] {
  const inOrder = episodes.toSorted((one, other) => one.openedAt - other.openedAt);
  const taken = new Set<Episode>();
  const next = new Map<Episode, Episode>();
  for (const episode of inOrder.filter(({ endedAt, socketId }) => endedAt !== null && socketId !== null)) {
    const after = inOrder.find((other) => !taken.has(other) && comesAfter(episode, other));
    if (!after) continue;
    taken.add(after);
    next.set(episode, after);
  }
  const before = new Map([...next].map(([one, other]) => [other, one]));
  return inOrder.map((episode) => {
    const after = next.get(episode);
    return {
      ...episode,
      next: after
        ? { socketId: after.socketId!, gapMs: Math.max(0, after.connectedAt! - episode.endedAt!) }
        : null,
      recovery: withReason(episode, before.get(episode), recoveryWindowMs),
    };
  });
}

/** The same client: one user agent of one user, on one namespace. Addresses change with networks. */
function comesAfter(episode: Episode, other: Episode): boolean {
  return (
    other !== episode &&
    other.connectedAt !== null &&
    other.connectedAt >= episode.endedAt! - overlapOf(episode) &&
    other.openedAt > episode.openedAt &&
    other.user === episode.user &&
    other.userAgent === episode.userAgent &&
    other.namespace === episode.namespace
  );
}

/** A client that gets no pings gives up before its node does, and is back while that still waits for a pong. */
const overlapOf = ({ end }: Episode): number => (end?.reason === 'ping_timeout' ? (end.idleMs ?? 0) : 0);

function withReason(
  { recovery, connectedAt }: Episode,
  before: Episode | undefined,
  recoveryWindowMs: number,
): RecoveryOutcome | null {
  if (recovery?.outcome !== 'not_recovered') return recovery;
  if (recovery.why !== null && recovery.why !== 'unknown_session') return recovery;
  if (!before?.end) return recovery;
  if (!before.end.comesBack) return { ...recovery, why: 'ended_on_purpose' };
  if (connectedAt! - before.endedAt! > recoveryWindowMs) return { ...recovery, why: 'window_over' };
  return couldNotBeReplayed(before) ? { ...recovery, why: before.recovery!.why } : recovery;
}

/** The session was given back and could not be replayed, which ended it and its socket: its client came once more. */
const couldNotBeReplayed = ({ recovery, end }: Episode): boolean =>
  recovery?.outcome === 'not_recovered' && end?.reason === 'forced_close';
