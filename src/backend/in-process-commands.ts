import { Injectable } from '@nestjs/common';
import { parseInput } from '../protocol/validation.js';
import { CommandHandlers, type SingleCommand } from './command-handlers.js';
import { CommandPort, type CommandPayload } from './command-port.js';
import { COMMANDS, type CommandInput, type CommandResult } from './commands.js';

/** Carries out the commands of an embedding app, which may do everything; its input is checked like any other. [N7] */
@Injectable()
export class InProcessCommands extends CommandPort {
  constructor(private readonly handlers: CommandHandlers) {
    super();
  }

  async run<Name extends SingleCommand>(
    name: Name,
    input: CommandPayload<Name>,
  ): Promise<CommandResult<Name>> {
    const checked = parseInput(COMMANDS[name].input, input) as CommandInput<Name>;
    return this.handlers.table[name](checked);
  }
}
