/** Asks the HTTP API, with the key that stays in this tab. [G2] */
import { signal } from './html.js';

const STORED_AS = 'switchboard.console.key';

/** The gateway's address as this page sees it: behind a proxy that adds a path, with that path. */
export const BASE = new URL('..', import.meta.url);

export const isSecured = document.body.dataset.mode === 'secured';

/** The API key; empty when there is none. */
export const key = signal(storedKey());

/** Why the last key was turned down; empty when it was not. */
export const keyProblem = signal('');

function storedKey() {
  try {
    return sessionStorage.getItem(STORED_AS) ?? '';
  } catch {
    return ''; // Storage may be switched off; the key then lasts as long as the page.
  }
}

export function setKey(value, problem = '') {
  try {
    if (value === '') sessionStorage.removeItem(STORED_AS);
    else sessionStorage.setItem(STORED_AS, value);
  } catch {
    // See above.
  }
  keyProblem.value = problem;
  key.value = value;
}

/** What the API answered when it did not do what it was asked for. */
export class ApiError extends Error {
  constructor(status, problem) {
    const { code, detail, title, retryAfterMs, errors = [] } = problem;
    const issues = errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
    const wait = retryAfterMs === undefined ? '' : `try again in ${retryAfterMs} ms`;
    super([code, detail ?? title ?? `HTTP ${status}`, issues, wait].filter(Boolean).join(' · '));
    this.status = status;
    this.code = code;
  }
}

/** A path with its parameters escaped: path`v1/users/${user}`. */
export const path = (parts, ...values) =>
  parts.reduce((text, part, index) => text + encodeURIComponent(values[index - 1]) + part);

/** The response, whatever its status; `undefined` values of the query are left out. */
export function ask(method, to, { query = {}, body, signal: abort, type = 'application/json' } = {}) {
  const url = new URL(to, BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, value);
  }
  return fetch(url, {
    method,
    cache: 'no-store',
    credentials: 'omit',
    signal: abort,
    headers: {
      accept: type,
      ...(key.value === '' ? {} : { authorization: `Bearer ${key.value}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** The answer as JSON; throws an {@link ApiError} for every other status than 2xx. */
export async function call(method, to, options) {
  const response = await ask(method, to, options);
  if (!response.ok) throw await failureOf(response);
  return response.status === 204 ? undefined : response.json();
}

export const get = (to, query) => call('GET', to, { query });

/** The same, `undefined` where there is nothing of that name. */
export async function find(to, query) {
  try {
    return await get(to, query);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

export async function failureOf(response) {
  const problem = await response.json().catch(() => ({}));
  const failure = new ApiError(response.status, problem);
  // A key that is not taken any longer is dropped, and the page asks for another one.
  if (response.status === 401 && isSecured) setKey('', key.value === '' ? '' : failure.message);
  return failure;
}
