import { assertAckTimeout } from '../../delivery/ack-timeout.js';
import { Broadcaster } from '../../delivery/broadcaster.js';
import type { Acknowledged, Published, PublishRequest } from '../../delivery/publish-request.js';
import { assertDeliverable, decodeArguments, encodeUnchecked } from '../../protocol/json.js';
import type { RemoteCommands } from './remote-commands.js';

/** The broadcaster of another service: sends by asking a gateway. [N2] */
export class RemoteBroadcaster extends Broadcaster {
  constructor(private readonly commands: RemoteCommands) {
    super();
  }

  async publish(request: PublishRequest): Promise<Published> {
    return (await this.commands.run('emit', payloadOf(request))) as Published;
  }

  async publishWithAck(request: PublishRequest, timeoutMs: number): Promise<Acknowledged> {
    assertAckTimeout(timeoutMs);
    const payload = { ...payloadOf(request), ack: { timeoutMs } };
    const { id, responses, missing } = (await this.commands.run('emit', payload, timeoutMs)) as Acknowledged;
    return {
      id,
      responses: responses.map((each) => ({ ...each, args: [...decodeArguments(each.args)] })),
      missing,
    };
  }
}

/** As HTTP takes it: binary as text. Who sends is the API key, so there is no user. */
function payloadOf({ to, except, event, args, volatile }: PublishRequest) {
  assertDeliverable(args);
  return {
    to: to as never,
    ...(except === undefined ? {} : { except: except as never }),
    event,
    args: args.map(encodeUnchecked),
    ...(volatile === undefined ? {} : { volatile }),
  };
}
