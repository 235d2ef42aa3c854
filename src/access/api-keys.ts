/** API keys of backends: checked against their hashes, because the keys themselves are stored nowhere. [A4] */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** One entry of `SWITCHBOARD_API_KEYS`. */
export interface ApiKeyRecord<Scope extends string = string> {
  readonly name: string;
  /** SHA-256 of the key, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly scopes: readonly Scope[];
}

/** The backend that presented a key: an actor of commands. */
export interface ApiKeyHolder<Scope extends string = string> {
  readonly kind: 'key';
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

const BEARER = /^Bearer +(\S+)$/i;

/** A key has 47 characters; hashing what is much longer would only be work for an attacker to cause. */
const MAX_KEY_LENGTH = 512;

const sha256 = (text: string): string => hash('sha256', text, 'hex');
const SHA256_DIGITS = 64;

/** The keys that are accepted; one that stands in several entries has the first name and the scopes of all. */
export class ApiKeyRing<Scope extends string = string> {
  /** With hashes as text: one as bytes would be a buffer of its own for every request, which the collector has to free. */
  private readonly entries: readonly { readonly hash: Buffer; readonly holder: ApiKeyHolder<Scope> }[];
  private readonly presented = Buffer.alloc(SHA256_DIGITS);

  /** @throws TypeError when a hash is not a SHA-256 */
  constructor(records: readonly ApiKeyRecord<Scope>[]) {
    const holders = new Map<string, ApiKeyHolder<Scope> & { readonly scopes: Set<Scope> }>();
    for (const { name, sha256: hex, scopes } of records) {
      // Buffer.from drops what is not hexadecimal: a short hash would make the comparison throw for everyone.
      if (!/^[0-9a-f]{64}$/i.test(hex)) throw new TypeError(`the API key ${name} has no SHA-256 hash`);
      const key = hex.toLowerCase();
      const holder = holders.get(key) ?? { kind: 'key', name, scopes: new Set() };
      holders.set(key, holder);
      for (const scope of scopes) holder.scopes.add(scope);
    }
    this.entries = [...holders].map(([hex, holder]) => ({ hash: Buffer.from(hex, 'latin1'), holder }));
  }

  /** Whether no key is configured; a single one makes secured mode. [C4] */
  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  /**
   * Who presented this `Authorization` header, or `undefined`.
   *
   * Looks at every entry, also after a match, so that the time taken tells neither whether nor which.
   */
  authenticate(authorizationHeader: string | undefined): ApiKeyHolder<Scope> | undefined {
    const key = BEARER.exec(authorizationHeader ?? '')?.[1];
    if (key === undefined || key.length > MAX_KEY_LENGTH) return undefined;
    this.presented.write(sha256(key), 'latin1');
    let holder: ApiKeyHolder<Scope> | undefined;
    for (const entry of this.entries) {
      if (timingSafeEqual(entry.hash, this.presented)) holder = entry.holder;
    }
    return holder;
  }
}

/** A new API key and the entry of `SWITCHBOARD_API_KEYS` that lets it in. */
export interface CreatedApiKey {
  /** Shown once, to the one who asked for it. */
  readonly key: string;
  readonly entry: string;
}

/**
 * Makes an API key: `sbk_` and 256 random bits in base64url.
 *
 * The prefix lets secret scanners find a key that leaked into a repository.
 * @throws TypeError when the name or the scopes could not stand in an entry
 */
export function createApiKey(name: string, scopes: readonly string[]): CreatedApiKey {
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name)) {
    throw new TypeError('expected a name of 1 to 64 letters, digits and _ . -');
  }
  if (scopes.length === 0 || scopes.some((scope) => !/^[a-z]+$/.test(scope))) {
    throw new TypeError('expected at least one scope');
  }
  const key = `sbk_${randomBytes(32).toString('base64url')}`;
  return { key, entry: `${name}:${sha256(key)}:${[...new Set(scopes)].join('+')}` };
}
