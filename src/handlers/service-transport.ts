import type { ClientOptions } from '@nestjs/microservices';
import { parseServiceAddress } from '../config/service-address.js';
import { nestOptionsOf, tcpCaps, withDefaults } from '../outbound/nest-options.js';
import { ServiceClient, type ServiceReply } from '../outbound/service-client.js';
import { failedReply, MAX_ANSWER_BYTES, readAnswer, refusalOf, type HandlerReply } from './handler-reply.js';
import type { HandlerMessage, HandlerTransport } from './handler-transport.js';

/** The queue that Nest itself takes where nobody names one. */
const DEFAULT_QUEUE = 'default';

/** An answer and its packet. */
const TCP_CAPS = tcpCaps(2 * MAX_ANSWER_BYTES);

/**
 * Asks a remote handler that is a microservice of Nest: the pattern is the name of the event, the first value its
 * acknowledgement, what it throws as an object the error. [N6]
 */
export class ServiceTransport implements HandlerTransport {
  private constructor(
    private readonly client: ServiceClient,
    private readonly timeoutMs: number,
  ) {}

  static async open(url: string, timeoutMs: number): Promise<ServiceTransport> {
    const options = nestOptionsOf(parseServiceAddress(url)!, TCP_CAPS);
    const client = await ServiceClient.open(withDefaults(options, DEFAULT_QUEUE) as ClientOptions);
    // A service that is not there yet makes no gateway wait.
    void client.connect();
    return new ServiceTransport(client, timeoutMs);
  }

  get isConnected(): boolean {
    return this.client.isConnected;
  }

  async ask(message: HandlerMessage, traceparent: string | undefined): Promise<HandlerReply> {
    const data = traceparent === undefined ? message : { ...message, traceparent };
    return replyOf(message, await this.client.ask(patternOf(message), data, this.timeoutMs));
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

/** Events by their name; questions about a client as they stand in the configuration: `@connect`, `@refresh`, `@join`. */
const patternOf = ({ type, ['event']: event }: HandlerMessage): string =>
  type === 'event' ? String(event) : `@${type}`;

function replyOf({ type }: HandlerMessage, reply: ServiceReply): HandlerReply {
  switch (reply.kind) {
    case 'timeout':
      return failedReply('no answer in time', 'handler.timeout');
    case 'failed':
      return failedReply(reply.why);
    case 'empty':
      return { kind: 'answered', body: {} };
    case 'error':
      return refusalOf({ error: reply.error }) ?? refusalOf(reply.error) ?? failedReply('it failed');
    case 'value': {
      const { value } = reply;
      if (JSON.stringify(value).length > MAX_ANSWER_BYTES) return failedReply('the answer is too large');
      if (type === 'event') return { kind: 'answered', body: { ack: value } };
      return typeof value === 'object' && value !== null
        ? readAnswer(value)
        : failedReply('the answer is no object');
    }
  }
}
