import type { SwitchboardConfig } from '../config/config.js';
import { choicesOf, type WebhookEvent } from '../config/webhook-rules.js';
import { encodeUnchecked } from '../protocol/json.js';
import type { Publication } from '../protocol/publication.js';
import { fitsPattern, MAX_ARGS_BYTES, type WantedEvents } from './outbox.js';

/** The part of the configuration that says which events are written. */
export type WantingConfig = Partial<Pick<SwitchboardConfig, 'webhooks' | 'webhookEvents'>>;

/** What the endpoints of the configuration ask for, taken together. */
export function wantedBy({ webhooks = [], webhookEvents = [] }: WantingConfig): WantedEvents {
  const events: Partial<Record<WebhookEvent, string[]>> = {};
  for (const { name } of webhooks) {
    for (const { event, rooms } of choicesOf(webhookEvents, name)) {
      const patterns = (events[event] ??= []);
      if (!patterns.includes(rooms)) patterns.push(rooms);
    }
  }
  return { events, endpoints: webhooks.map(({ name }) => name) };
}

/** The wanted rooms that a publication is for, and what is told of it. */
export interface TellsOfPublication {
  readonly rooms: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * What is to be told of a publication; `undefined` where nobody wants it. Volatile ones are never told.
 *
 * Arguments that make it too large for an event are left out, and the event says so. [W2]
 */
export function publicationEvent(
  { events }: WantedEvents,
  { id, event, args, to, volatile, user }: Publication,
): TellsOfPublication | undefined {
  const wanted = events.publication;
  if (wanted === undefined || volatile || 'all' in to) return undefined;
  const rooms = to.rooms?.filter((room) => fitsPattern(wanted, room)) ?? [];
  if (rooms.length === 0) return undefined;
  const written = args.map(encodeUnchecked);
  const isTooLarge = Buffer.byteLength(JSON.stringify(written)) > MAX_ARGS_BYTES;
  return {
    rooms: [...new Set(rooms)],
    data: {
      id,
      event,
      ...(isTooLarge ? { truncated: true } : { args: written }),
      ...(user !== undefined && { user }),
    },
  };
}
