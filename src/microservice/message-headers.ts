import { NatsContext, RedisContext, RmqContext, TcpContext } from '@nestjs/microservices';
import type { MessageHeaders } from './message-desk.js';

type Fields = Readonly<Record<string, unknown>> | undefined;

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** What a message carries beside its data: metadata over TCP and Redis, headers over NATS and AMQP. [N3] */
export function headersOf(context: unknown): MessageHeaders {
  if (context instanceof NatsContext) {
    const headers = context.getHeaders() as { get(name: string): string } | undefined;
    if (!headers) return NONE;
    const read = (name: string): string | undefined => headers.get(name) || undefined;
    return {
      authorization: read('authorization') ?? read('Authorization'),
      idempotencyKey: read('idempotency-key') ?? read('Idempotency-Key'),
    };
  }
  if (context instanceof TcpContext || context instanceof RedisContext) {
    return fromFields(context.getMetadata() as Fields);
  }
  if (context instanceof RmqContext) {
    const { properties } = context.getMessage() as { properties?: { headers?: Fields } };
    return fromFields(properties?.headers);
  }
  return NONE;
}

const NONE: MessageHeaders = Object.freeze({});

function fromFields(fields: Fields): MessageHeaders {
  if (typeof fields !== 'object' || fields === null) return NONE;
  return {
    authorization: text(fields['authorization'] ?? fields['Authorization']),
    idempotencyKey: text(fields['idempotency-key'] ?? fields['Idempotency-Key']),
  };
}
