import { z } from 'zod';

/** One request to an endpoint, and what came of it. [W7] */
export const webhookAttempt = z
  .object({
    at: z.string().meta({ description: 'When it was made, RFC 3339' }),
    node: z.string(),
    id: z.string().meta({ description: '`webhook-id` of the request' }),
    type: z.string().meta({ description: 'Of its event, or `batch`' }),
    events: z.int().min(0).meta({ description: 'How many events were in it' }),
    about: z.string().nullable().meta({ description: 'The user or room of its only event' }),
    attempt: z.int().min(1),
    outcome: z.enum(['delivered', 'failed', 'gone']),
    status: z.int().nullable().meta({ description: '`null` when there was no answer' }),
    ms: z.int().min(0),
    error: z.string().nullable(),
    answer: z.string().meta({ description: 'At most 1 KiB of it' }),
    retryInMs: z.int().nullable(),
  })
  .meta({ id: 'WebhookAttempt' });

export type WebhookAttempt = z.output<typeof webhookAttempt>;

/** Where an endpoint stands. [W7] */
export const webhookEntry = z
  .object({
    name: z.string(),
    url: z.string().meta({ description: 'Without its query' }),
    events: z
      .array(z.string())
      .meta({ description: 'What it asked for, with `:pattern` for some rooms only' }),
    batch: z.boolean(),
    state: z.enum(['ok', 'failing', 'stopped']).meta({
      description:
        '`failing` while a request of any node is to be made again, or an event has waited for a minute; `stopped` since it answered 410',
    }),
    depth: z.int().min(0).meta({ description: 'Events after the last one that was delivered' }),
    lagMs: z.int().min(0).meta({ description: 'Age of the first of these; 0 when there are none' }),
  })
  .meta({ id: 'WebhookEntry' });

export type WebhookEntry = z.output<typeof webhookEntry>;

/** An event that is kept, and whether an endpoint has it. */
export const webhookEventEntry = z
  .object({
    id: z.string(),
    type: z.string(),
    timestamp: z.string(),
    data: z.record(z.string(), z.unknown()),
    delivered: z.boolean(),
  })
  .meta({ id: 'WebhookEventEntry' });

export type WebhookEventEntry = z.output<typeof webhookEventEntry>;

/** The last attempts of an endpoint, newest first, and the events of the user or room that was asked for. [W7] */
export const webhookAttempts = z
  .object({
    items: z.array(webhookAttempt),
    events: z
      .array(webhookEventEntry)
      .optional()
      .meta({ description: 'With `user` or `room` only: the newest 100 of it that are kept, newest first' }),
  })
  .meta({ id: 'WebhookAttempts' });

export type WebhookAttempts = z.output<typeof webhookAttempts>;

/** What came of a test. */
export const webhookTestResult = webhookAttempt
  .pick({ id: true, outcome: true, status: true, ms: true, error: true, answer: true })
  .meta({ id: 'WebhookTestResult' });

export type WebhookTestResult = z.output<typeof webhookTestResult>;

/** How many events are delivered once more. */
export const webhookReplay = z.object({ events: z.int().min(0) }).meta({ id: 'WebhookReplay' });

export type WebhookReplay = z.output<typeof webhookReplay>;
