/** Where the page is: `#/user/ada`. Links can be kept and sent; they never carry the key. */
import { signal } from './html.js';

/** What can be looked at by name, and what it is called. */
export const SUBJECTS = {
  user: 'User',
  socket: 'Socket',
  room: 'Room',
  publication: 'Publication',
  address: 'Address',
  node: 'Node',
};

export const href = (view, value, more) =>
  `#/${view}${value === undefined ? '' : `/${encodeURIComponent(value)}`}${
    more === undefined ? '' : `?${new URLSearchParams(more)}`
  }`;

export const route = signal(read());

function read() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2);
  const [view = '', value] = path.split('/', 2);
  return {
    view: view === '' ? 'overview' : view,
    value: value === undefined ? undefined : decoded(value),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function go(to) {
  if (location.hash === to) route.value = read();
  else location.hash = to;
}

/** Takes the place of the present one, so that "back" does not lead into a circle. */
export function replace(to) {
  history.replaceState(null, '', to);
  route.value = read();
}

window.addEventListener('hashchange', () => (route.value = read()));
