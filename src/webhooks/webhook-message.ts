/** Events as an endpoint gets them. [W2] */
import type { OutboxEvent } from '../engine/outbox.js';

/** What an endpoint is sent of events: one by one, or several in one request. */
export interface WebhookMessage {
  /** The same in every attempt: receivers tell doubles by it. */
  readonly id: string;
  readonly type: string;
  readonly body: string;
}

/** The ID of an event: by it receivers tell doubles, and operators find it. */
export const idOf = ({ epoch, partition, seq }: OutboxEvent): string =>
  `evt_${epoch}_${partition.toString(16)}_${seq}`;

/** An event's body is put together as text: an object for it, and the whole of it as JSON, would cost three times as much. */
export function messageOf(event: OutboxEvent): WebhookMessage {
  const { type, at, seq, epoch } = event;
  const data = JSON.stringify(event.data);
  const before = data === '{}' ? '{' : `${data.slice(0, -1)},`;
  const body = `{"type":"${type}","timestamp":"${timestampOf(at)}","data":${before}"seq":${seq},"epoch":"${epoch}"}}`;
  return { id: idOf(event), type, body };
}

const lastTimestamp = { at: NaN, text: '' };

/** Many events are of one millisecond. */
function timestampOf(at: number): string {
  if (at !== lastTimestamp.at) Object.assign(lastTimestamp, { at, text: new Date(at).toISOString() });
  return lastTimestamp.text;
}

/**
 * Several messages in one request, each with its own ID. What they say is not written a second time. [W6]
 *
 * @param lastSeq of the last event
 */
export function batchOf(messages: readonly WebhookMessage[], lastSeq: number, now: number): WebhookMessage {
  const type = 'batch';
  const events = messages.map(({ id, body }) => `{"id":${JSON.stringify(id)},${body.slice(1)}`);
  const timestamp = new Date(now).toISOString();
  const body = `{"type":"${type}","timestamp":"${timestamp}","data":{"events":[${events.join(',')}]}}`;
  return { id: `${messages[0]!.id}_${lastSeq}`, type, body };
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
