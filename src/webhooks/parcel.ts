import type { OutboxEvent } from '../engine/outbox.js';
import type { LostEvents, WebhookMessage } from './webhook-message.js';

/** What is delivered in one request. */
export interface Parcel {
  /** Nothing else with this key is begun meanwhile. */
  readonly key: string;
  readonly events: readonly OutboxEvent[];
  /** The message tells of events that are lost, in place of these. */
  lost: LostEvents | undefined;
  message: WebhookMessage;
  /** When its newest event was written. */
  at: number;
  attempts: number;
  isDone: boolean;
}

/** What is told of a request. */
export type SentParcel = Pick<Parcel, 'events' | 'message' | 'attempts'>;

export const newParcel = (events: readonly OutboxEvent[], message: WebhookMessage): Parcel => {
  const [{ key }, { at }] = [events[0]!, events.at(-1)!];
  return { key, events, lost: undefined, message, at, attempts: 0, isDone: false };
};

export const firstSeqOf = ({ events, lost }: Parcel): number => lost?.from ?? events[0]!.seq;
