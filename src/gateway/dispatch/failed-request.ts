import { ownText } from '../../platform/own-text.js';
import { REQUEST } from '../../protocol/events.js';
import type { SocketFact } from '../../sockets/participants.js';

/** Names come from clients: what is longer is cut off. */
const MAX_NAME_LENGTH = 128;

/** A JWT or an API key, also where it is cut off. */
const CREDENTIALS = /eyJ[\w-]{10,}(?:\.[\w-]*){0,2}|sbk_[\w-]+/g;

/** A name that nothing here has may be anything, such as a token that a client put in the wrong place. */
const nameOf = (value: unknown): string =>
  ownText(String(value), MAX_NAME_LENGTH).replaceAll(CREDENTIALS, '<credential>');

/** What is noted of a request that was answered with an error: its event or, of a join, its room. Nothing of what it carried. */
export function failedRequest([event, payload]: readonly unknown[], code: string): SocketFact {
  if (event === REQUEST.roomJoin) {
    const { room } = (payload ?? {}) as { readonly room?: unknown };
    if (typeof room === 'string') return { kind: 'join_refused', name: nameOf(room), code };
  }
  if (code === 'limit.rate') return { kind: 'limit', name: nameOf(event), code };
  return { kind: 'request_failed', name: nameOf(event), code };
}

/** What is noted of a request whose handler, or the holder of its acknowledgement, let the time pass. */
export const notAnswered = ([event]: readonly unknown[], ms: number): SocketFact => ({
  kind: 'not_answered',
  name: nameOf(event),
  ms,
});
