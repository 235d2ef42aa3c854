/** Presence notices as publications: the same whether they are told at once or replayed to a session. [M4] [H4] */
import { NOTICE } from '../protocol/events.js';
import type { JsonValue } from '../protocol/json.js';
import { presenceRoom } from '../protocol/names.js';
import type { Publication, Selection } from '../protocol/publication.js';
import type { PresenceChange, PresencePlace } from './presence.js';

/** Users that came and that left, as the clients get it. */
export interface PresenceNotice {
  readonly joined: readonly { readonly user: string; readonly info: JsonValue }[];
  readonly left: readonly string[];
}

/** A notice as a publication. Its ID is that of the change in the room, so that nobody is given one twice. */
export function noticeOf(
  room: string,
  { epoch, seq }: PresencePlace,
  { joined, left }: PresenceNotice,
  to: Selection = { rooms: [presenceRoom(room)] },
  except: Selection = {},
): Publication {
  const args = [{ room, joined, left }];
  return {
    id: `presence.${epoch}.${seq}.${room}`,
    event: NOTICE.roomPresence,
    args,
    to,
    except,
    volatile: false,
  };
}

/**
 * What a change means to whoever began to watch then: one that began while a user was away is told when it returns, and
 * not when it does not, the other way round than all others. `undefined` when nothing.
 *
 * Who began before shared state lost everything knew those who were there afterwards. Of those who were held then nobody
 * knows whether it did, so it is told in either case.
 */
export function noticeSince(
  change: PresenceChange,
  since: PresencePlace | undefined,
): PresenceNotice | undefined {
  const isUnsure = since?.epoch !== change.at.epoch;
  const began = isUnsure ? 0 : since.seq;
  const joined = change.joined.filter(({ brokeAt }) => brokeAt === undefined || began >= brokeAt);
  const lost = change.lost.filter(({ brokeAt }) => isUnsure || began < brokeAt);
  if (joined.length + change.left.length + lost.length === 0) return undefined;
  return {
    joined: joined.map(({ user, info }) => ({ user, info: info as JsonValue })),
    left: [...change.left, ...lost.map(({ user }) => user)],
  };
}
