import { parseSigningSecret, type SigningSecret } from '../config/signing-secret.js';
import type { OutboundClient } from '../outbound/outbound-client.js';
import { signatureHeaders } from '../outbound/signature.js';
import { failedReply, MAX_ANSWER_BYTES, readHttpAnswer, type HandlerReply } from './handler-reply.js';
import type { HandlerMessage, HandlerTransport } from './handler-transport.js';

/** How long to wait before the one more attempt that is made when no byte has left. */
const RETRY_AFTER_MS = 50;

/** Asks a remote handler over HTTP: a signed POST of JSON. [B2] [B5] */
export class HttpTransport implements HandlerTransport {
  readonly isConnected = true;
  private readonly url: URL;
  private readonly secrets: readonly SigningSecret[];

  constructor(
    private readonly client: OutboundClient,
    url: string,
    secrets: readonly string[],
    private readonly timeoutMs: number,
  ) {
    this.url = new URL(url);
    this.secrets = secrets.map((secret) => parseSigningSecret(secret)!);
  }

  carries(): boolean {
    return true;
  }

  async ask(message: HandlerMessage, traceparent: string | undefined): Promise<HandlerReply> {
    let body: string;
    try {
      body = JSON.stringify(message);
    } catch {
      return failedReply('the request is no JSON');
    }
    const until = performance.now() + this.timeoutMs;
    let result = await this.send(message.id, body, traceparent, this.timeoutMs);
    const leftMs = until - performance.now() - RETRY_AFTER_MS;
    if (result.kind === 'failed' && result.failure === 'unreachable' && leftMs > 0) {
      await new Promise((done) => setTimeout(done, RETRY_AFTER_MS));
      result = await this.send(message.id, body, traceparent, Math.ceil(leftMs));
    }
    return readHttpAnswer(result);
  }

  async close(): Promise<void> {
    // The outbound client is shared and closes with the app.
  }

  private send(id: string, body: string, traceparent: string | undefined, timeoutMs: number) {
    return this.client.post({
      url: this.url,
      body,
      headers: {
        ...signatureHeaders(id, body, this.secrets),
        ...(traceparent !== undefined && { traceparent }),
      },
      timeoutMs,
      maxAnswerBytes: MAX_ANSWER_BYTES,
    });
  }
}
