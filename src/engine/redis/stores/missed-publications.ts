import type { Position, Publication } from '../../../protocol/publication.js';
import type { LoggedPublication } from '../../log.js';
import type { NewSession } from '../../sessions.js';
import { decodePublication } from './codec.js';
import { partOfRoom, roomOfPart } from '../keys.js';
import { watchedRoom } from '../../../protocol/names.js';
import { noticeOf, noticeSince } from '../../presence-notice.js';
import type { SessionRoom } from '../../sessions.js';
import type { PresenceChange, PresencePlace } from '../../presence.js';
import { formatStreamCursor, isUpTo, type StreamCursor } from './stream-cursor.js';

/** What the script gives of the logs of a session: see `MISSED`. */
export type MissedReply = readonly [
  epoch: string,
  parts: readonly (readonly [part: string, since: number])[],
  entries: readonly (readonly [
    seq: number,
    part: string,
    epoch: string,
    offset: number,
    publication: string,
  ])[],
  /** Each as since which place, until which, and the room. */
  pastStays: readonly string[],
];

interface MissedEntry {
  readonly text: string;
  readonly positions: Map<string, Position>;
}

/** What a session missed after a place: in order, each once, without what was not for it. */
export function missedBy(
  { socketId, user, namespace }: NewSession,
  [epoch, parts, entries, pastStays]: MissedReply,
  after: StreamCursor | undefined,
  keeps: (room: string) => boolean,
  rooms: ReadonlyMap<string, SessionRoom> | undefined,
): LoggedPublication[] {
  const since = new Map(parts);
  const stays = pastStays.map(readStay);
  /** Whether it was in a room when something was published, whatever it has joined and left since. */
  const wasIn = (name: string, seq: number): boolean =>
    (since.get(partOfRoom(name)) ?? Infinity) < seq ||
    stays.some(({ room, from, until }) => room === name && from < seq && seq <= until);
  const isFor = ({ namespace: only, except }: Publication, seq: number): boolean => {
    if (only !== undefined && only !== namespace) return false;
    return !(
      except.rooms?.some((room) => room === socketId || wasIn(room, seq)) ||
      except.users?.some((name) => name === user) ||
      except.sockets?.includes(socketId)
    );
  };
  const found = new Map<number, MissedEntry>();
  /** What its client was given by the answer to a join. */
  const caughtUp = new Set<number>();
  const notices = new Map<number, Publication | undefined>();
  for (const [seq, part, partEpoch, offset, text] of entries) {
    const room = roomOfPart(part);
    const how = room === undefined ? undefined : rooms?.get(room);
    if (room !== undefined && watchedRoom(room) !== undefined) {
      notices.set(seq, noticeIn(text, how?.watchedSince ?? { epoch, seq: since.get(part)! }));
    }
    if (how?.caughtUpTo?.epoch === partEpoch && offset <= how.caughtUpTo.offset) caughtUp.add(seq);
    const entry = found.get(seq) ?? { text, positions: new Map<string, Position>() };
    found.set(seq, entry);
    if (room !== undefined && keeps(room)) entry.positions.set(room, { epoch: partEpoch, offset });
  }
  const missed: LoggedPublication[] = [];
  for (const [seq, { text, positions }] of [...found].sort(([one], [other]) => one - other)) {
    const publication = notices.has(seq) ? notices.get(seq) : decodePublication(text);
    if (publication === undefined || caughtUp.has(seq)) continue;
    const had = after?.had !== undefined && isUpTo(publication.id, after.had);
    if (had || !isFor(publication, seq)) continue;
    const stamp = {
      cursor: formatStreamCursor({ epoch, seq, ...(after?.had === undefined ? {} : { had: after.had }) }),
      positions: positions.size === 0 ? undefined : positions,
    };
    missed.push({ publication, stamp });
  }
  return missed;
}

function readStay(text: string): { room: string; from: number; until: number } {
  const [from, until] = text.split(' ', 2) as [string, string];
  return { from: Number(from), until: Number(until), room: text.slice(from.length + until.length + 2) };
}

/** What the change of a room that it watches is to the session, if anything. */
function noticeIn(text: string, since: PresencePlace): Publication | undefined {
  const change = JSON.parse(text) as PresenceChange;
  const notice = noticeSince(change, since);
  return notice && noticeOf(change.room, change.at, notice);
}
