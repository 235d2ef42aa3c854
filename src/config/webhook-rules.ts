/** Which endpoints are told of which events. [W1] [W2] */
import { z } from 'zod';
import { splitList } from './comma-list.js';
import { parseSigningSecret } from './signing-secret.js';

/** Events that an endpoint can ask for. */
export const WEBHOOK_EVENTS = [
  'user.online',
  'user.offline',
  'socket.connected',
  'socket.disconnected',
  'room.occupied',
  'room.vacated',
  'room.member_joined',
  'room.member_left',
  'publication',
  'node.lost',
] as const;

/** The name of an event that an endpoint can ask for. [W2] */
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** One receiver of events. */
export interface WebhookEndpoint {
  readonly name: string;
  readonly url: string;
}

/** The secrets that the requests to an endpoint are signed with: one, or two while they rotate. */
export interface WebhookSecrets {
  readonly name: string;
  readonly secrets: readonly string[];
}

/** One event that an endpoint asks for, and, for those of rooms, of which rooms. */
export interface WebhookChoice {
  readonly event: WebhookEvent;
  /** A room name, or the start of one followed by `*`. */
  readonly rooms: string;
}

/** The events that an endpoint asks for. */
export interface WebhookChoices {
  readonly name: string;
  readonly events: readonly WebhookChoice[];
}

/** What an endpoint is told when `SWITCHBOARD_WEBHOOK_EVENTS` does not name it. */
const DEFAULT_EVENTS: readonly WebhookChoice[] = [
  { event: 'user.online', rooms: '*' },
  { event: 'user.offline', rooms: '*' },
];

/** What an endpoint is told. */
export const choicesOf = (choices: readonly WebhookChoices[], endpoint: string): readonly WebhookChoice[] =>
  choices.find(({ name }) => name === endpoint)?.events ?? DEFAULT_EVENTS;

/** Whether an event is about a room, so that a pattern may stand behind its name. */
export const isOfRooms = (event: WebhookEvent): boolean =>
  event.startsWith('room.') || event === 'publication';

const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;
const NAME_TEXT = 'a name of 1 to 32 lower-case letters, digits, _ and -';
const ROOM_PATTERN = /^(?=.{1,128}$)[A-Za-z0-9_\-.:@/=#]*\*?$/;

const unique = (list: readonly { readonly name: string }[]): boolean =>
  new Set(list.map(({ name }) => name)).size === list.length;

/** Splits at the first `=`: a name has none. */
function nameAndRest(raw: unknown, sign: string): readonly [string, string] | undefined {
  if (typeof raw !== 'string') return undefined;
  const at = raw.indexOf(sign);
  return at > 0 ? [raw.slice(0, at).trim(), raw.slice(at + 1).trim()] : undefined;
}

const ENDPOINT = `name=url such as billing=https://billing.internal/hooks: ${NAME_TEXT}, url with http or https and without a password`;

function isReceiver(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, username, password, hostname } = new URL(url);
  return /^https?:$/.test(protocol) && hostname !== '' && username === '' && password === '';
}

const endpoint = z.preprocess(
  (raw) => {
    if (typeof raw !== 'string') return raw;
    const parts = nameAndRest(raw, '=');
    return parts && { name: parts[0], url: parts[1] };
  },
  z.strictObject(
    { name: z.string(ENDPOINT).regex(NAME, ENDPOINT), url: z.string(ENDPOINT).refine(isReceiver, ENDPOINT) },
    ENDPOINT,
  ),
);

/** Endpoints, comma-separated. [W1] */
export const webhookEndpoints: z.ZodType<readonly WebhookEndpoint[]> = z
  .preprocess(
    splitList,
    z.array(endpoint, 'a comma-separated list of name=url').max(16, 'at most 16 endpoints'),
  )
  .refine(unique, 'each name once')
  .describe('a comma-separated list of `name=url`');

const SECRETS =
  'name:whsec_… with the base64 of 24 to 64 bytes; two secrets, separated by a space, while they rotate';

const secretsEntry = z.preprocess(
  (raw) => {
    if (typeof raw !== 'string') return raw;
    const parts = nameAndRest(raw, ':');
    return parts && { name: parts[0], secrets: parts[1].split(/\s+/) };
  },
  z.strictObject(
    {
      name: z.string(SECRETS).regex(NAME, SECRETS),
      secrets: z
        .array(
          z.string(SECRETS).refine((each) => parseSigningSecret(each) !== undefined, SECRETS),
          SECRETS,
        )
        .min(1, SECRETS)
        .max(2, SECRETS),
    },
    SECRETS,
  ),
);

/** Several entries of one name are one: the second secret may also stand behind a comma. */
function gathered(list: readonly WebhookSecrets[]): readonly WebhookSecrets[] {
  const byName = new Map<string, string[]>();
  for (const { name, secrets } of list) byName.set(name, [...(byName.get(name) ?? []), ...secrets]);
  return [...byName].map(([name, secrets]) => ({ name, secrets }));
}

/** The secrets of endpoints, comma-separated. [W1] */
export const webhookSecrets: z.ZodType<readonly WebhookSecrets[]> = z
  .preprocess(splitList, z.array(secretsEntry, 'a comma-separated list of name:whsec_…'))
  .transform(gathered)
  .refine((list) => list.every(({ secrets }) => secrets.length <= 2), SECRETS)
  .describe('a comma-separated list of `name:whsec_…`, two secrets of a name while they rotate');

const CHOICES =
  'name=event+event, each an event of docs/webhooks.md or the start of one followed by *, with :pattern behind ' +
  'those of rooms, such as chat=user.*+room.*:chat:*+publication:chat:*';

/** The events that a text like `room.*:chat:*` names; none when it names none. */
function choicesIn(text: string): readonly WebhookChoice[] {
  const at = text.indexOf(':');
  const wanted = at < 0 ? text : text.slice(0, at);
  const rooms = at < 0 ? undefined : text.slice(at + 1);
  if (rooms !== undefined && !ROOM_PATTERN.test(rooms)) return [];
  const fits = (event: string): boolean =>
    wanted.endsWith('*') ? event.startsWith(wanted.slice(0, -1)) : event === wanted;
  // Publications are told of the rooms that are named only: all of them are far more than anybody means.
  return WEBHOOK_EVENTS.filter(fits)
    .filter((event) => (rooms === undefined ? event !== 'publication' : isOfRooms(event)))
    .map((event) => ({ event, rooms: rooms ?? '*' }));
}

const choice = z.strictObject({ event: z.enum(WEBHOOK_EVENTS), rooms: z.string().regex(ROOM_PATTERN) });

const choicesEntry = z.preprocess(
  (raw) => {
    if (typeof raw !== 'string') return raw;
    const parts = nameAndRest(raw, '=');
    if (!parts) return undefined;
    const lists = parts[1].split('+').map((each) => choicesIn(each.trim()));
    return { name: parts[0], events: lists.some((list) => list.length === 0) ? undefined : lists.flat() };
  },
  z.strictObject(
    { name: z.string(CHOICES).regex(NAME, CHOICES), events: z.array(choice, CHOICES).min(1, CHOICES) },
    CHOICES,
  ),
);

/** What each endpoint is told, comma-separated. [W1] */
export const webhookChoices: z.ZodType<readonly WebhookChoices[]> = z
  .preprocess(splitList, z.array(choicesEntry, 'a comma-separated list of name=event+event'))
  .refine(unique, 'each name once')
  .describe('a comma-separated list of `name=event+event:rooms`');

/** Names of endpoints, comma-separated. */
export const webhookNames: z.ZodType<readonly string[]> = z
  .preprocess(
    splitList,
    z.array(z.string(NAME_TEXT).regex(NAME, NAME_TEXT), 'a comma-separated list of names'),
  )
  .describe('a comma-separated list of names of endpoints');
