/** What this gateway and this key can: a part of the page without an answer behind it is not shown. */
import { ask, key } from './api.js';
import { signal } from './html.js';

/** `{explain, top, trace, webhooks, metrics}`; undefined until it is known. */
export const abilities = signal(undefined);

const ANSWERS_WITHIN_MS = 5_000;

/** Questions that are answered at once and cost nothing, one for each part. */
const PROBES = {
  explain: ['v1/explain', { address: '0.0.0.0' }],
  top: ['v1/top', { by: 'publications', of: 'user' }],
  trace: ['v1/trace', { address: '0.0.0.0' }],
  webhooks: ['v1/webhooks', {}],
  metrics: ['metrics', {}],
};

/** Asked once for each key. */
export async function probe() {
  abilities.value = undefined;
  const asked = key.peek();
  const found = await Promise.all(
    Object.entries(PROBES).map(async ([name, [to, query]]) => [name, await isThere(to, query)]),
  );
  if (asked === key.peek()) abilities.value = Object.fromEntries(found);
}

async function isThere(to, query) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ANSWERS_WITHIN_MS);
  try {
    const { ok } = await ask('GET', to, { query, signal: abort.signal, type: '*/*' });
    return ok;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    abort.abort(); // A stream would go on.
  }
}
