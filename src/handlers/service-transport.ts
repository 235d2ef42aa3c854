import type { ClientOptions } from '@nestjs/microservices';
import { parseServiceAddress, type ServiceAddress } from '../config/service-address.js';
import { nestOptionsOf, tcpCaps, withDefaults } from '../outbound/nest-options.js';
import { ServiceClient, type ServiceReply } from '../outbound/service-client.js';
import { isTooDeep } from '../protocol/json.js';
import {
  failedReply,
  MAX_ANSWER_BYTES,
  notTaken,
  readAnswer,
  refusalOf,
  type HandlerReply,
} from './handler-reply.js';
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
    private readonly kind: ServiceAddress['kind'],
    private readonly timeoutMs: number,
  ) {}

  static async open(url: string, timeoutMs: number): Promise<ServiceTransport> {
    const address = parseServiceAddress(url)!;
    const options = nestOptionsOf(address, TCP_CAPS);
    const client = await ServiceClient.open(withDefaults(options, DEFAULT_QUEUE) as ClientOptions);
    // A service that is not there yet makes no gateway wait.
    void client.connect();
    return new ServiceTransport(client, address.kind, timeoutMs);
  }

  get isConnected(): boolean {
    return this.client.isConnected;
  }

  carries(event: string): boolean {
    return mayName(this.kind, event);
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

/** Names that brokers keep for themselves, and those of the gateway's own messages. */
const KEPT_NAMES = /^(?:\$|_INBOX\.|switchboard[.:])|\.reply$/;

/** What NATS takes for a subject, wildcards left out. */
const SUBJECT = /^[^\s.*>]+(?:\.[^\s.*>]+)*$/;

/**
 * Whether a client's event may become the name of a subject or a channel. Those are shared by all services of a broker: no
 * client speaks to a broker itself, to the gateway's door for messages, or into the answers of others.
 */
function mayName(kind: ServiceAddress['kind'], name: string): boolean {
  switch (kind) {
    case 'nats':
      return SUBJECT.test(name) && !KEPT_NAMES.test(name);
    case 'redis':
      return name !== '' && !KEPT_NAMES.test(name);
    default:
      return true;
  }
}

function replyOf({ type }: HandlerMessage, reply: ServiceReply): HandlerReply {
  switch (reply.kind) {
    case 'timeout':
      return failedReply('no answer in time', 'handler.timeout');
    case 'failed':
      return failedReply(reply.why);
    case 'untaken':
      return notTaken(reply.why);
    case 'empty':
      return { kind: 'answered', body: {} };
    case 'error':
      return refusalOf({ error: reply.error }) ?? refusalOf(reply.error) ?? failedReply('it failed');
    case 'value': {
      const { value } = reply;
      if (isTooDeep(value)) return failedReply('the answer is nested too deeply');
      if (Buffer.byteLength(JSON.stringify(value)) > MAX_ANSWER_BYTES)
        return failedReply('the answer is too large');
      if (type === 'event') return { kind: 'answered', body: { ack: value } };
      return typeof value === 'object' && value !== null
        ? readAnswer(value)
        : failedReply('the answer is no object');
    }
  }
}
