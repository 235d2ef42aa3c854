import type { Conclusion, Rule } from '../finding.js';
import type { Episode, Refusal } from '../../episode.js';
import { at, times } from '../reading.js';

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
  'auth.revoked': ['unblock the user, or issue a token after the time of the revocation'],
  'limit.sockets': [
    'close connections that the page opens twice',
    'raise SWITCHBOARD_MAX_SOCKETS_PER_USER or SWITCHBOARD_MAX_SOCKETS_PER_IP',
  ],
  'limit.rate': ['spread the connects: SWITCHBOARD_HANDSHAKES_PER_SECOND is what this node takes'],
  'server.draining': ['nothing: the client comes back to another node'],
  'namespace.unknown': ['correct the namespace in the address that the client connects to'],
  'handler.unavailable': ['look at the state of `@connect` in /health/ready: its backend takes no requests'],
};

const FALLBACK: readonly string[] = ['look the code up in the list of errors'];

/** Refused and not let in since: the newest refusal, and how often it was the same. */
export const refused: Rule = {
  id: 'refused',
  read({ episodes }): Conclusion | undefined {
    const refusals = episodes.filter(isRefused);
    const last = refusals.at(-1);
    if (!last) return undefined;
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
        ...(since ? [`connected again at ${at(since.connectedAt!)}`] : []),
      ],
      try: STEPS[code] ?? FALLBACK,
    };
  },
};

const isRefused = (episode: Episode): episode is Episode & { refusal: Refusal } => episode.refusal !== null;
