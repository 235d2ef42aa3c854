/** Signing secrets as Standard Webhooks 1.0 writes them. [W1] [B2] */
import { z } from 'zod';

/** A signing secret: the bytes behind `whsec_`. */
export type SigningSecret = Uint8Array;

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

const SECRET = 'whsec_ and the base64 of 24 to 64 bytes';
const SECRETS = `${SECRET}; two of them, separated by a comma, while they rotate`;

/** One secret, or two while they rotate: the texts, which are checked here. */
export const signingSecrets: z.ZodType<readonly string[]> = z
  .preprocess(
    (raw) => (typeof raw === 'string' ? raw.split(/[\s,]+/).filter((entry) => entry !== '') : raw),
    z
      .array(
        z.string(SECRET).refine((entry) => parseSigningSecret(entry) !== undefined, SECRET),
        SECRETS,
      )
      .max(2, SECRETS),
  )
  .describe(SECRETS);
