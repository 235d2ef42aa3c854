import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { Engine } from '../engine/engine.js';
import type { IdempotentTurn } from '../engine/idempotency.js';
import { SwitchboardError } from '../protocol/errors.js';
import { assertDeliverable } from '../protocol/json.js';

/** A client that does not recover comes back within this time too. */
const MIN_KEPT_MS = 30_000;

/** What a client's publication is known by. */
export interface RepeatableEmit {
  readonly user: string;
  /** The client's own; unique per user. */
  readonly id: string;
  readonly args: readonly unknown[];
  /** All that makes it another publication. */
  readonly request: readonly unknown[];
}

/** What is kept of the first of several equal requests. */
type Kept = { readonly id: string } | { readonly unknown: true };

/**
 * Publications of clients that a client may send again because it never saw the answer: each takes effect once, on
 * whatever node and connection the client repeats it, within the recovery window. [M8]
 */
@Injectable()
export class RepeatedEmits {
  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly engine: Engine,
  ) {}

  /**
   * @param publish resolves with the publication's ID
   * @throws SwitchboardError `idempotency.conflict`, `engine.unavailable`, and what `publish` throws or threw
   */
  async once({ user, id, args, request }: RepeatableEmit, publish: () => Promise<string>): Promise<string> {
    assertDeliverable(args);
    const fingerprint = createHash('sha256').update(JSON.stringify(request)).digest('base64url');
    const keepMs = Math.max(this.config.recoveryWindowMs, MIN_KEPT_MS);
    // No key of a backend has a line break.
    const turn = await this.engine.clientRequests.begin(`${user}\n${id}`, fingerprint, keepMs);
    switch (turn.state) {
      case 'first':
        return this.carryOut(turn, publish);
      case 'repeated':
        return answerOf(JSON.parse(turn.response) as Kept);
      case 'conflict':
        throw new SwitchboardError('idempotency.conflict', {
          message: 'this id was used for another publication',
        });
    }
  }

  private async carryOut(
    turn: Extract<IdempotentTurn, { state: 'first' }>,
    publish: () => Promise<string>,
  ): Promise<string> {
    try {
      const id = await publish();
      await settle(turn, { id });
      return id;
    } catch (failure) {
      // After this one it is not known how far the publication got. All other failures are refusals.
      const isOpen = failure instanceof SwitchboardError && failure.code === 'engine.unavailable';
      await (isOpen ? settle(turn, { unknown: true }) : turn.abandon().catch(() => undefined));
      throw failure;
    }
  }
}

/** The publication has been made: it is answered with its ID, whether that could be kept or not. */
const settle = (turn: Extract<IdempotentTurn, { state: 'first' }>, kept: Kept): Promise<void> =>
  turn.settle(JSON.stringify(kept)).catch(() => undefined);

function answerOf(kept: Kept): string {
  if ('unknown' in kept) throw new SwitchboardError('engine.unavailable');
  return kept.id;
}
