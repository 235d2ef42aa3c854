/** What this gateway and this key can: a part of the page without an answer behind it is not shown. */
import { ask, key } from './api.js';
import { signal } from './html.js';

const UNKNOWN = { explain: false, top: false, trace: false, webhooks: false, metrics: false };

export const abilities = signal(UNKNOWN);

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
  const asked = key.peek();
  const found = await Promise.all(
    Object.entries(PROBES).map(async ([name, [to, query]]) => [name, await isThere(to, query)]),
  );
  if (asked === key.peek()) abilities.value = Object.fromEntries(found);
}

async function isThere(to, query) {
  const abort = new AbortController();
  try {
    const { ok } = await ask('GET', to, { query, signal: abort.signal, type: '*/*' });
    return ok;
  } catch {
    return false;
  } finally {
    abort.abort(); // A stream would go on.
  }
}
