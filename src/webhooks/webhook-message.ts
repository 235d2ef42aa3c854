/** Events as an endpoint gets them. [W2] */
import type { OutboxEvent } from '../engine/outbox.js';

/** What an endpoint is sent of events: one by one, or several in one request. */
export interface WebhookMessage {
  /** The same in every attempt: receivers tell doubles by it. */
  readonly id: string;
  readonly type: string;
  readonly body: string;
}

/** One event in the body of a request. */
interface MessageBody {
  readonly type: string;
  readonly timestamp: string;
  readonly data: object;
}

/** The ID of an event: by it receivers tell doubles, and operators find it. */
export const idOf = ({ epoch, partition, seq }: OutboxEvent): string =>
  `evt_${epoch}_${partition.toString(16)}_${seq}`;

const bodyOf = ({ type, at, data, seq, epoch }: OutboxEvent): MessageBody => ({
  type,
  timestamp: new Date(at).toISOString(),
  data: { ...data, seq, epoch },
});

export function messageOf(event: OutboxEvent): WebhookMessage {
  return { id: idOf(event), type: event.type, body: JSON.stringify(bodyOf(event)) };
}

/** Several events in one request, each with its own ID. [W6] */
export function batchOf(events: readonly OutboxEvent[], now: number): WebhookMessage {
  const last = events.at(-1)!;
  const body = {
    type: 'batch',
    timestamp: new Date(now).toISOString(),
    data: { events: events.map((event) => ({ id: idOf(event), ...bodyOf(event) })) },
  };
  return { id: `${idOf(events[0]!)}_${last.seq}`, type: 'batch', body: JSON.stringify(body) };
}

/** Events of a partition that were not delivered and never will be. */
export interface LostEvents {
  readonly epoch: string;
  readonly partition: number;
  /** The `seq` of the first and of the last. */
  readonly from: number;
  readonly to: number;
  /** How many events that is; fewer than lie between the two where the endpoint did not want all of them. */
  readonly count: number;
}

/** Stands in the place of what is lost. [W6] */
export function lostMessage({ epoch, partition, from, to, count }: LostEvents, at: number): WebhookMessage {
  const type = 'events.lost';
  const data = { from, to, count, partition, epoch };
  return {
    id: `lost_${epoch}_${partition.toString(16)}_${from}_${to}`,
    type,
    body: JSON.stringify({ type, timestamp: new Date(at).toISOString(), data }),
  };
}
