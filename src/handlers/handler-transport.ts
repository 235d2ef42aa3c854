import type { HandlerKind } from '../config/handler-rules.js';
import type { HandlerReply } from './handler-reply.js';

/** What a remote handler is sent: its kind as `type`, an ID of its own, and what the kind says. [B2] [B6] */
export interface HandlerMessage {
  readonly type: HandlerKind;
  readonly id: string;
  readonly [field: string]: unknown;
}

/** A way to a remote handler. An answer, a refusal and a failure are replies alike: asking never rejects. */
export interface HandlerTransport {
  /** Whether requests can be sent at the moment; what has no connection of its own is always connected. */
  readonly isConnected: boolean;
  /** Whether an event of this name can be sent this way. */
  carries(event: string): boolean;
  ask(message: HandlerMessage, traceparent: string | undefined): Promise<HandlerReply>;
  close(): Promise<void>;
}
