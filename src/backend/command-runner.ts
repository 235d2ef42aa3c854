import { Injectable, Logger } from '@nestjs/common';
import type { z } from 'zod';
import { assertScope } from '../access/actor.js';
import type { Answer } from '../engine/log.js';
import { toProblemError } from '../http/problem.js';
import { SwitchboardError } from '../protocol/errors.js';
import { inputErrorAt, parseInput } from '../protocol/validation.js';
import { logFailure } from '../telemetry/log.js';
import { Audit } from './audit.js';
import { batchCommand, type BatchRequest } from './batch.schemas.js';
import { inOrder } from './batch.js';
import type { Call } from './call.js';
import { CommandHandlers, type SingleCommand } from './command-handlers.js';
import {
  COMMANDS,
  isCommandName,
  type CommandInput,
  type CommandName,
  type CommandResult,
} from './commands.js';
import { Idempotency } from './idempotency.js';

type Handlers = {
  readonly [Name in CommandName]: (input: CommandInput<Name>, call: Call) => Answer<CommandResult<Name>>;
};

/**
 * Runs what backends ask, by whatever door it came.
 *
 * A door knows how its requests look and who its callers are; everything else about a command is here: the scope it
 * needs, what happens when it is repeated, the audit, and its answer or a `SwitchboardError`.
 */
@Injectable()
export class CommandRunner {
  private readonly logger = new Logger('Api');
  private readonly handlers: Handlers;

  constructor(
    { table }: CommandHandlers,
    private readonly idempotency: Idempotency,
    private readonly audit: Audit,
  ) {
    this.handlers = { ...table, batch: (request, call) => this.runBatch(request, call) };
  }

  /**
   * Checks an input that came from outside and runs the command.
   *
   * The scope is asked for first: a caller that may not ask learns nothing about its input.
   * @throws SwitchboardError `route.unknown` when there is no such command, `payload.invalid` or `room.invalid` for its
   * input, and everything that {@link run} throws
   */
  async ask(name: string, input: unknown, call: Call): Promise<object> {
    if (!isCommandName(name)) throw new SwitchboardError('route.unknown', { message: 'no such command' });
    assertMay(name, call);
    return this.run(name, parseInput(COMMANDS[name].input as z.ZodType as z.ZodType<never>, input), call);
  }

  /**
   * Runs a command whose input has been checked; gives its result in the same turn where nothing has to be waited for.
   * @throws SwitchboardError `access.denied` when the actor lacks the scope, and the codes of the command
   */
  run<Name extends CommandName>(
    name: Name,
    input: CommandInput<Name>,
    call: Call,
  ): Answer<CommandResult<Name>> {
    assertMay(name, call);
    return this.audit.of(name, input, call, () => this.once(name, input, call));
  }

  private once<Name extends CommandName>(
    name: Name,
    input: CommandInput<Name>,
    call: Call,
  ): Answer<CommandResult<Name>> {
    const { idempotencyKey } = call;
    if (idempotencyKey === undefined || !(name === 'emit' || name === 'batch')) {
      return this.handlers[name](input, call);
    }
    return this.idempotency.once(name, input, { ...call, idempotencyKey }, () =>
      this.handlers[name](input, call),
    );
  }

  private async runBatch({ commands }: BatchRequest, call: Call): Promise<CommandResult<'batch'>> {
    return { results: await inOrder(commands, (each) => this.answer(each, call)) };
  }

  private async answer(input: unknown, call: Call): Promise<object> {
    try {
      return { ok: true, ...(await this.runOfBatch(input, call)) };
    } catch (failure) {
      const error = toProblemError(failure);
      if (error.code === 'internal') logFailure(this.logger, 'a command of a batch failed', failure);
      return { ok: false, error: error.toObject() };
    }
  }

  private async runOfBatch(input: unknown, call: Call): Promise<object> {
    const command = parseInput(batchCommand, input);
    const [name, commandInput] = Object.entries(command)[0] as [SingleCommand, never];
    assertMay(name, call);
    try {
      const work = (): Answer<object> => this.handlers[name](commandInput, call);
      // Publications of a batch are in its own line, with how many they were for.
      return await (name === 'emit' ? work() : this.audit.of(name, commandInput, call, work));
    } catch (failure) {
      throw failure instanceof SwitchboardError ? inputErrorAt(name, failure) : failure;
    }
  }
}

function assertMay(name: CommandName, { actor }: Call): void {
  const { scope } = COMMANDS[name];
  if (scope !== undefined) assertScope(actor, scope);
}
