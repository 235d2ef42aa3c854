/** Signatures as Standard Webhooks 1.0 writes them. [W1] [B2] @see https://www.standardwebhooks.com */
import { createHmac } from 'node:crypto';

/** A signing secret: the bytes behind `whsec_`. */
export type SigningSecret = Buffer;

const PREFIX = 'whsec_';
const MIN_BYTES = 24;
const MAX_BYTES = 64;

/**
 * The bytes of a secret `whsec_<base64>`, or nothing when the text is none.
 *
 * Receivers' libraries take shorter secrets without a word; one of fewer than 24 bytes could be guessed.
 */
export function parseSigningSecret(text: string): SigningSecret | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const encoded = text.slice(PREFIX.length);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.length >= MIN_BYTES && bytes.length <= MAX_BYTES ? bytes : undefined;
}

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
