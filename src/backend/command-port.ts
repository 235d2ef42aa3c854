import type { z } from 'zod';
import type { COMMANDS, CommandName, CommandResult } from './commands.js';

/** The input of a command as it comes in, not checked yet. */
export type CommandPayload<Name extends CommandName> = z.input<(typeof COMMANDS)[Name]['input']>;

/** Carries out commands for the code that embeds it: in this process, or at a gateway that is asked by messages. */
export abstract class CommandPort {
  /** @throws SwitchboardError the codes of the command */
  abstract run<Name extends Exclude<CommandName, 'batch'>>(
    name: Name,
    input: CommandPayload<Name>,
  ): Promise<CommandResult<Name>>;
}
