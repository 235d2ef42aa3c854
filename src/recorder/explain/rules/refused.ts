import type { Conclusion, Rule } from '../finding.js';
import type { Episode, Evidence, Refusal } from '../../episode.js';
import { at, factsOf, hasEnded, times } from '../reading.js';

/** What to do for a code that refuses; the true cause stands in the facts. */
const STEPS: Readonly<Record<string, readonly string[]>> = {
  'origin.refused': [
    'add the origin of the page to SWITCHBOARD_CORS_ORIGINS, as the browser sends it: scheme, host and port',
  ],
  'auth.token_missing': [
    'give the client a token in `auth.token`, in an `Authorization` header or, for 2.x, in the query',
    'check that the token is there on every reconnect: give `auth` as a function',
  ],
  'auth.token_expired': [
    'get a fresh token on every connect: give `auth` as a function',
    'listen for `auth:expiring` and send `auth:refresh`',
  ],
  'auth.token_invalid': [
    'compare key, algorithm, issuer and audience of the token with the configuration',
    'compare the clocks of the issuer and of this machine',
  ],
  'limit.rate': ['spread the connects: SWITCHBOARD_HANDSHAKES_PER_SECOND is what this node takes'],
  'server.draining': ['nothing: the client comes back to another node'],
  'namespace.unknown': ['correct the namespace in the address that the client connects to'],
  'handler.unavailable': ['look at the state of `@connect` in /health/ready: its backend takes no requests'],
};

const FALLBACK: readonly string[] = ['look the code up in the list of errors'];

/** Codes with more than one cause: how the cause begins, and what to do then. */
const STEPS_BY_CAUSE: Readonly<Record<string, readonly (readonly [RegExp, readonly string[]])[]>> = {
  'auth.revoked': [
    [
      /^the user is blocked/,
      ['unblock the user with `DELETE /v1/users/{user}/block`: no token helps until then'],
    ],
    [
      /without iat/,
      ['put `iat` into tokens: one without it counts as older than every revocation of its user'],
    ],
    [
      /revoked/,
      [
        'give the client a token that is issued after the revocation',
        'get a fresh token on every connect: give `auth` as a function',
      ],
    ],
  ],
  'limit.sockets': [
    [
      /^this user has/,
      ['close connections that the page opens twice', 'raise SWITCHBOARD_MAX_SOCKETS_PER_USER'],
    ],
    [
      /^this address has/,
      ['close connections that pages open twice', 'raise SWITCHBOARD_MAX_SOCKETS_PER_IP'],
    ],
    [/^this node has/, ['add a node', 'raise SWITCHBOARD_MAX_CONNECTIONS']],
  ],
};

const stepsFor = ({ code, cause }: Refusal): readonly string[] =>
  STEPS_BY_CAUSE[code]?.find(([begins]) => begins.test(cause))?.[1] ?? STEPS[code] ?? FALLBACK;

/** Refused and not let in since: the newest refusal, and how often it was the same. */
export const refused: Rule = {
  id: 'refused',
  read(evidence): Conclusion | undefined {
    const { episodes } = evidence;
    const refusals = episodes.filter(isRefused);
    const last = refusals.at(-1);
    if (!last) return refusedAsNobody(evidence);
    const { code, cause, stage } = last.refusal;
    const same = refusals.filter(({ refusal }) => refusal.code === code);
    const since = episodes.find(({ connectedAt }) => connectedAt !== null && connectedAt > last.openedAt);
    return {
      confidence: since ? 'possible' : 'certain',
      title: since
        ? `The client was refused with ${code} and got in later`
        : `The client is refused with ${code}: ${cause}`,
      because: [
        `${cause} (${code}, at the ${stage})`,
        `${times(same.length, 'refusal')} with this code, the last at ${at(last.openedAt)} from ${last.address}`,
        ...(last.origin === null ? [] : [`origin ${last.origin}`]),
        ...(last.namespace === '/' ? [] : [`it asked for the namespace ${last.namespace}`]),
        ...(since ? [`connected again at ${at(since.connectedAt!)}`] : []),
      ],
      try: stepsFor(last.refusal),
    };
  },
};

/** The client of a user who is gone may be the one that is refused since without a name: where the user was, and of the same make. */
function refusedAsNobody({ episodes, nearby }: Evidence): Conclusion | undefined {
  const left = episodes.at(-1);
  if (!left || !hasEnded(left)) return undefined;
  const alike = nearby
    .filter(isRefused)
    .filter(({ openedAt, userAgent }) => openedAt >= left.endedAt && userAgent === left.userAgent);
  const last = alike.at(-1);
  if (!last) return undefined;
  const { code, cause, stage } = last.refusal;
  return {
    confidence: 'possible',
    title: `A client that does not say who it is has been refused with ${code} where the user was: it may be this one`,
    because: [
      `${cause} (${code}, at the ${stage})`,
      `${times(alike.length, 'refusal')} since the user left, from ${last.address} as before and with the same user agent, the last at ${at(last.openedAt)}`,
    ],
    try: stepsFor(last.refusal),
  };
}

/** What to do for a code that refuses a join. */
const JOIN_STEPS: Readonly<Record<string, readonly string[]>> = {
  'access.denied': [
    'give the token of the user a capability with `join` for this room, or the client a room token',
    'compare the name of the room with the patterns in `caps`, to the letter',
  ],
  'limit.rooms': ['leave rooms that are not shown any longer', 'raise SWITCHBOARD_MAX_ROOMS_PER_SOCKET'],
  'auth.token_expired': ['send a fresh room token with the request'],
};

/** A room that the client asked for and did not get into: what is sent there does not reach it. */
export const joinRefused: Rule = {
  id: 'join_refused',
  read({ episodes }): Conclusion | undefined {
    const facts = episodes.flatMap((episode) => factsOf(episode, 'join_refused', 'joined'));
    // Joins over the rate are a matter of the rate.
    const refusals = facts.filter(
      ({ kind, name, code, at: refusedAt }) =>
        kind === 'join_refused' &&
        code !== 'limit.rate' &&
        !facts.some((fact) => fact.kind === 'joined' && fact.name === name && fact.at >= refusedAt),
    );
    const last = refusals.at(-1);
    if (!last) return undefined;
    const rooms = [...new Set(refusals.map(({ name }) => name))];
    return {
      confidence: 'certain',
      title: `The client asked for the room ${last.name} and was refused: ${last.code}`,
      because: [
        `${times(refusals.length, 'refusal')} of ${times(rooms.length, 'room')} that it has not joined since, the last at ${at(last.at)}`,
        ...(rooms.length > 1 ? [`rooms ${rooms.slice(-3).join(', ')}`] : []),
        'what is sent to a room reaches only those who are in it',
      ],
      try: JOIN_STEPS[last.code ?? ''] ?? FALLBACK,
    };
  },
};

const isRefused = (episode: Episode): episode is Episode & { refusal: Refusal } => episode.refusal !== null;
