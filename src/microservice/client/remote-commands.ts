import { CommandPort, type CommandPayload } from '../../backend/command-port.js';
import type { CommandName, CommandResult } from '../../backend/commands.js';
import { isErrorCode, SwitchboardError, type ErrorObject } from '../../protocol/errors.js';
import type { ServiceClient, ServiceReply } from '../../outbound/service-client.js';

const PATTERN_PREFIX = 'switchboard.';

/** Carries out commands at a gateway that is asked by messages. [N2] */
export class RemoteCommands extends CommandPort {
  constructor(
    private readonly client: ServiceClient,
    private readonly apiKey: string | undefined,
    private readonly timeoutMs: number,
  ) {
    super();
  }

  /**
   * @param extraMs what the gateway takes on purpose, beside the time for every message
   * @throws SwitchboardError the codes of the command, and `gateway.unavailable` when the gateway does not answer
   */
  async run<Name extends CommandName>(
    name: Name,
    input: CommandPayload<Name>,
    extraMs = 0,
  ): Promise<CommandResult<Name>> {
    // In the payload, because all transports and all versions of Nest have one.
    const data = this.apiKey === undefined ? input : { ...(input as object), apiKey: this.apiKey };
    const reply = await this.client.ask(PATTERN_PREFIX + name, data as object, this.timeoutMs + extraMs);
    if (reply.kind === 'value') return reply.value as CommandResult<Name>;
    throw errorOf(reply);
  }
}

function errorOf(reply: Exclude<ServiceReply, { kind: 'value' }>): SwitchboardError {
  switch (reply.kind) {
    case 'error':
      return coded(reply.error);
    case 'timeout':
      return new SwitchboardError('gateway.unavailable', { message: 'the gateway did not answer in time' });
    case 'failed':
    case 'untaken':
      return new SwitchboardError('gateway.unavailable', { cause: reply.why });
    case 'empty':
      return new SwitchboardError('gateway.unavailable', { message: 'what answered is no gateway' });
  }
}

function coded(error: unknown): SwitchboardError {
  const { code, message, ...details } = error as Partial<ErrorObject>;
  if (!isErrorCode(code)) return new SwitchboardError('gateway.unavailable', { cause: error });
  return new SwitchboardError(code, { ...details, message: String(message) });
}
