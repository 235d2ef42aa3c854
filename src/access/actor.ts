/** The actor of a command: the side that asks, and what it may ask for. [A4] */
import { API_KEY_SCOPES, type ApiKeyScope } from '../config/credentials.js';
import { SwitchboardError } from '../protocol/errors.js';

/** What a backend may do with its key. */
export type Scopes = ReadonlySet<ApiKeyScope>;

/** The holder of an API key, by its name in the configuration. */
export interface KeyActor {
  readonly kind: 'key';
  readonly name: string;
  readonly scopes: Scopes;
}

/**
 * The side that asks. In open mode all callers are one and may do everything. [C4] A remote handler answers with
 * commands that are carried out with the gateway's own rights; its name is the pattern of its entry. [B3]
 */
export type Actor =
  { readonly kind: 'open' } | KeyActor | { readonly kind: 'handler'; readonly name: string };

/** The one actor of open mode. */
export const OPEN_ACTOR: Actor = { kind: 'open' };

const EVERY_SCOPE: Scopes = new Set(API_KEY_SCOPES);

export const scopesOf = (actor: Actor): Scopes => (actor.kind === 'key' ? actor.scopes : EVERY_SCOPE);

/** @throws SwitchboardError `access.denied` when the actor lacks the scope */
export function assertScope(actor: Actor, scope: ApiKeyScope): void {
  if (scopesOf(actor).has(scope)) return;
  throw new SwitchboardError('access.denied', { message: `the API key lacks the scope ${scope}` });
}
