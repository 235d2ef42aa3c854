import { z } from 'zod';
import { ackAnswer, emitAnswer, emitRequest } from '../delivery/publication-schemas.js';
import { disconnectCommand, membershipCommand } from './command.schemas.js';

/** Commands in one batch. */
export const MAX_COMMANDS = 1000;

/** One command of a batch: exactly one of the four. */
export const batchCommand = z
  .union([
    z.strictObject({ emit: emitRequest }),
    z.strictObject({ join: membershipCommand }),
    z.strictObject({ leave: membershipCommand }),
    z.strictObject({ disconnect: disconnectCommand }),
  ])
  .meta({ id: 'Command' });

/** The envelope only: a command that is wrong fails by itself, not the whole batch. */
export const batchRequest = z
  .strictObject({ commands: z.array(z.unknown()).max(MAX_COMMANDS) })
  .meta({ id: 'BatchEnvelope' });

/** What the documentation shows: the envelope with its commands. */
export const batchRequestDocument = z
  .strictObject({ commands: z.array(batchCommand).max(MAX_COMMANDS) })
  .meta({ id: 'BatchRequest' });

const failure = z.object({
  ok: z.literal(false),
  error: z.object({
    code: z.string(),
    message: z.string(),
    retryable: z.boolean(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  }),
});

export const batchAnswer = z
  .object({
    results: z
      .array(
        z.union([
          failure,
          emitAnswer.extend({ ok: z.literal(true) }),
          ackAnswer.extend({ ok: z.literal(true) }),
          z.object({ ok: z.literal(true), disconnected: z.int().optional() }),
        ]),
      )
      .meta({ description: 'One result per command, in order' }),
  })
  .meta({ id: 'BatchAnswer' });

export type BatchRequest = z.output<typeof batchRequest>;
