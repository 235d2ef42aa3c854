/** Commands that a backend repeats because it never saw the answer take effect once. [D7] */
import { Injectable, Logger } from '@nestjs/common';
import { createHash } from 'node:crypto';
import type { Actor } from '../access/actor.js';
import { Engine } from '../engine/engine.js';
import type { IdempotentTurn } from '../engine/idempotency.js';
import type { Answer } from '../engine/log.js';
import { toProblemError } from '../http/problem.js';
import { registryCode, SwitchboardError, type ErrorObject } from '../protocol/errors.js';
import { measureValue } from '../protocol/json.js';
import { logFailure } from '../telemetry/log.js';
import type { Call } from './call.js';

export const MAX_IDEMPOTENCY_KEY_LENGTH = 255;
const PRINTABLE_ASCII = new RegExp(`^[ -~]{1,${MAX_IDEMPOTENCY_KEY_LENGTH}}$`);

/** The fingerprint is taken by a walk that recurses. */
const MAX_INPUT_DEPTH = 500;

/** A response that is longer is not kept, only that there was one: the memory is for many keys, not for few answers. */
const MAX_KEPT_LENGTH = 1_048_576;

/** What is kept of the first command. */
type Kept = { readonly body: object } | { readonly error: ErrorObject } | { readonly tooLarge: true };

type FirstTurn = Extract<IdempotentTurn, { state: 'first' }>;

/**
 * Carries out the first of several equal commands and answers the others with its response.
 *
 * A failure below 500 is a refusal: nothing took effect, so it is not kept and a repetition is a new attempt. After any
 * other failure it is not known how far the command got. It is kept, because nothing may be sent twice.
 */
@Injectable()
export class Idempotency {
  private readonly logger = new Logger('Api');

  constructor(private readonly engine: Engine) {}

  /**
   * @throws SwitchboardError `payload.invalid` for a key that is none, `idempotency.conflict`, `engine.unavailable`, and
   * what `work` throws or threw
   */
  async once<Result extends object>(
    command: string,
    input: unknown,
    call: Call & { readonly idempotencyKey: string },
    work: () => Answer<Result>,
  ): Promise<Result> {
    const { actor, idempotencyKey, onReplay } = call;
    assertKey(idempotencyKey);
    const turn = await this.turnOf(`${callerOf(actor)}:${idempotencyKey}`, command, input);
    switch (turn.state) {
      case 'first':
        return this.carryOut(turn, work);
      case 'repeated':
        onReplay?.();
        // Kept by the same command, as the fingerprint says.
        return replay(JSON.parse(turn.response) as Kept) as Result;
      case 'conflict':
        throw new SwitchboardError('idempotency.conflict');
    }
  }

  /** During a rolling update a node that names a command by its route may have carried it out, and kept it as such. */
  private async turnOf(key: string, command: string, input: unknown): Promise<IdempotentTurn> {
    const canonical = canonicalOf(input);
    const { idempotency } = this.engine;
    const turn = await idempotency.begin(key, fingerprintOf(command, canonical));
    if (turn.state !== 'conflict') return turn;
    return idempotency.begin(key, fingerprintOf(`POST /v1/${command}`, canonical));
  }

  private async carryOut<Result extends object>(
    turn: FirstTurn,
    work: () => Answer<Result>,
  ): Promise<Result> {
    let body: Result;
    try {
      body = await work();
    } catch (failure) {
      const error = toProblemError(failure);
      await this.own(error.status < 500 ? turn.abandon() : this.keep(turn, { error: error.toObject() }));
      throw failure;
    }
    await this.own(this.keep(turn, { body }));
    return body;
  }

  private keep(turn: FirstTurn, kept: Kept): Promise<void> {
    const text = JSON.stringify(kept);
    return turn.settle(
      text.length <= MAX_KEPT_LENGTH ? text : JSON.stringify({ tooLarge: true } satisfies Kept),
    );
  }

  /** The command has been carried out: it is answered with what became of it, whether that could be kept or not. */
  private async own(kept: Promise<void>): Promise<void> {
    try {
      await kept;
    } catch (failure) {
      logFailure(this.logger, 'the response to a request with an idempotency key was not kept', failure);
    }
  }
}

function assertKey(key: string): void {
  if (PRINTABLE_ASCII.test(key)) return;
  throw new SwitchboardError('payload.invalid', {
    errors: [
      {
        path: 'Idempotency-Key',
        message: `expected 1 to ${MAX_IDEMPOTENCY_KEY_LENGTH} printable ASCII characters`,
      },
    ],
  });
}

/** A key is unique to its caller: another one's is another key. No name of an API key has a slash or a colon. */
function callerOf(actor: Actor): string {
  switch (actor.kind) {
    case 'open':
      return '';
    case 'key':
      return actor.name;
    case 'handler':
      return `handler/${actor.name}`;
  }
}

/** Encoded again it is the same text: it has been JSON before, so nothing is lost and nothing changes its place. */
function replay(kept: Kept): object {
  if ('error' in kept) throw new SwitchboardError(registryCode(kept.error), kept.error);
  if ('tooLarge' in kept) {
    throw new SwitchboardError('payload.too_large', {
      message: 'the request was carried out, but its response was too large to be kept',
    });
  }
  return kept.body;
}

/** The same whatever the order of keys and the white space: clients that repeat a request may encode it anew. */
function canonicalOf(input: unknown): string {
  if (measureValue(input, MAX_INPUT_DEPTH).depth > MAX_INPUT_DEPTH) {
    throw new SwitchboardError('payload.invalid', {
      errors: [{ path: '', message: `expected at most ${MAX_INPUT_DEPTH} levels of nesting` }],
    });
  }
  return JSON.stringify(input, (_, value: unknown) => (isObject(value) ? inOrder(value) : value));
}

const fingerprintOf = (command: string, canonical: string): string =>
  createHash('sha256').update(`${command}\n${canonical}`).digest('base64url');

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `fromEntries` makes a `__proto__` key an entry like any other. */
const inOrder = (value: object): object =>
  Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
