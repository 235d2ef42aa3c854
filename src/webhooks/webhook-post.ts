import type { OutboundClient } from '../outbound/outbound-client.js';
import { signatureHeaders } from '../outbound/signature.js';
import type { Endpoint } from './endpoint.js';
import { parseRetryAfter } from './retry-schedule.js';
import type { WebhookMessage } from './webhook-message.js';

/** How long an endpoint has for its answer. [W6] */
const TIMEOUT_MS = 15_000;
/** What is kept of an answer. */
const MAX_ANSWER_BYTES = 1_024;
const GONE = 410;

/** What came of one attempt to deliver. */
export interface PostResult {
  /** `gone`: the endpoint wants nothing any more. */
  readonly outcome: 'delivered' | 'failed' | 'gone';
  /** `null` when there was no answer. */
  readonly status: number | null;
  readonly ms: number;
  readonly error: string | null;
  /** The beginning of the answer. */
  readonly answer: string;
  readonly retryAfterMs: number | undefined;
}

/** Sends a message to an endpoint, signed, once. Only 2xx within the time is success; a redirect is a failure. [W6] */
export async function postMessage(
  client: OutboundClient,
  { url, secrets }: Endpoint,
  { id, body }: WebhookMessage,
  signal?: AbortSignal,
): Promise<PostResult> {
  const startedAt = performance.now();
  const result = await client.post({
    url,
    body,
    headers: { ...signatureHeaders(id, body, secrets) },
    timeoutMs: TIMEOUT_MS,
    maxAnswerBytes: MAX_ANSWER_BYTES,
    longAnswers: 'cut',
    ...(signal && { signal }),
  });
  const ms = Math.round(performance.now() - startedAt);
  if (result.kind === 'failed') {
    const error = `${result.failure}: ${result.reason}`;
    return { outcome: 'failed', status: null, ms, error, answer: '', retryAfterMs: undefined };
  }
  const { status } = result;
  const answer = result.body.toString();
  if (status >= 200 && status < 300) {
    return { outcome: 'delivered', status, ms, error: null, answer, retryAfterMs: undefined };
  }
  const error = status >= 300 && status < 400 ? 'a redirect, which is not followed' : `status ${status}`;
  const retryAfterMs = parseRetryAfter(result.headers['retry-after'], Date.now());
  return { outcome: status === GONE ? 'gone' : 'failed', status, ms, error, answer, retryAfterMs };
}
