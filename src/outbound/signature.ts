/** Signatures as Standard Webhooks 1.0 writes them. [W1] [B2] @see https://www.standardwebhooks.com */
import { createHmac } from 'node:crypto';
import type { SigningSecret } from '../config/signing-secret.js';

/** The three headers of a signed request, by their names on the wire. */
export interface SignatureHeaders {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature'?: string;
}

/**
 * Signs one attempt. With several secrets, while they rotate, there is a signature for each.
 *
 * @param id of the message; the same in all attempts
 * @param body exactly as it is sent
 * @param at milliseconds since 1970 of the attempt
 * @param secrets none leaves the signature out
 */
export function signatureHeaders(
  id: string,
  body: string,
  secrets: readonly SigningSecret[],
  at: number = Date.now(),
): SignatureHeaders {
  const timestamp = String(Math.floor(at / 1000));
  const signatures = secrets.map((secret) => {
    const digest = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
    return `v1,${digest}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    ...(signatures.length > 0 && { 'webhook-signature': signatures.join(' ') }),
  };
}
