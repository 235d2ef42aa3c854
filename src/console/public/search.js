/** The heart: whatever is pasted, it is found out what it is. */
import { abilities } from './abilities.js';
import { find, get, path } from './api.js';
import { html, useEffect, useRef } from './html.js';
import { useLoad, Waiting } from './load.js';
import { go, href, replace, route, SUBJECTS } from './routes.js';
import { Name, times } from './text.js';

const SOCKET_ID = /^(?:\/[^#]*#)?[\w-]{20}$/;
const PUBLICATION_ID = /^[\w-]{8}-[0-9a-z]{1,11}$/;
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]*)$/i;
const ROOM_NAME = /^[A-Za-z0-9_\-.:@/=+#]{1,128}$/;
const LONGEST_USER = 128;

export function SearchBar() {
  const field = useRef();
  useEffect(() => {
    const focus = (event) => {
      const isTyping = event.target.closest?.('input, textarea, select, dialog');
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
      event.preventDefault();
      field.current.focus();
      field.current.select();
    };
    document.addEventListener('keydown', focus);
    return () => document.removeEventListener('keydown', focus);
  }, []);
  const submit = (event) => {
    event.preventDefault();
    const text = field.current.value.trim();
    if (text !== '') go(href('find', text));
  };
  const { view, value } = route.value;
  const shown = view === 'find' || view in SUBJECTS ? (value ?? '') : '';
  useEffect(() => {
    if (shown !== '') field.current.value = shown;
  }, [shown]);
  return html`<form class="search" role="search" onSubmit=${submit} autocomplete="off">
    <label class="off-screen" for="search"
      >Find a user, socket ID, room, publication ID, address or node ID</label
    >
    <input
      id="search"
      ref=${field}
      type="search"
      dir="auto"
      spellcheck=${false}
      autocapitalize="off"
      enterkeyhint="search"
      placeholder="Any name or ID"
    />
    <button class="primary">Find</button>
    <p class="muted search-hint">
      A user, socket ID, room, publication ID, address or node ID: paste what the complaint names, and read
      what happened.
      <kbd>/</kbd> jumps here.
    </p>
  </form>`;
}

/** Everything this text may be, with what is known of it; the best first. */
async function candidatesFor(text) {
  const questions = [];
  const ask = (kind, known) =>
    questions.push(
      known.then(
        (line) => ({ kind, line }),
        () => ({ kind, line: undefined }),
      ),
    );
  const explained = async (query, line) => {
    if (!abilities.value.explain) return undefined;
    // Where nobody got in there may be findings and no connection, such as of requests that no node knew what to do with.
    const { episodes, publication, findings } = await get('v1/explain', query);
    return episodes.length + findings.length > 0 || publication ? line(episodes.length) : undefined;
  };
  const onRecord = (count) => `${times(count, 'connection')} on record`;
  if (SOCKET_ID.test(text))
    ask(
      'socket',
      socketLine(text).then((line) => line ?? explained({ socket: text }, () => 'ended, and on record')),
    );
  if (PUBLICATION_ID.test(text))
    ask(
      'publication',
      explained({ publication: text }, () => 'on record'),
    );
  if (ADDRESS.test(text)) ask('address', explained({ address: text }, onRecord));
  if ([...text].length <= LONGEST_USER)
    ask(
      'user',
      userLine(text).then(
        (line) => line ?? explained({ user: text }, (count) => `offline, ${onRecord(count)}`),
      ),
    );
  if (ROOM_NAME.test(text)) {
    ask('room', roomLine(text));
    ask('node', nodeLine(text));
  }
  return Promise.all(questions);
}

async function socketLine(text) {
  const entry = await find(path`v1/sockets/${text}`);
  return entry === undefined ? undefined : `connected, of the user ${entry.user}`;
}

async function userLine(text) {
  const { online, sockets } = await get(path`v1/users/${text}`);
  return online ? `online with ${times(sockets.length, 'socket')}` : undefined;
}

async function roomLine(text) {
  const { sockets, users } = await get(path`v1/rooms/${text}`);
  return sockets > 0 ? `${times(users, 'user')}, ${times(sockets, 'socket')}` : undefined;
}

async function nodeLine(text) {
  const { items } = await get('v1/nodes');
  const entry = items.find(({ node }) => node === text);
  return entry === undefined ? undefined : `alive, with ${times(entry.sockets, 'socket')}`;
}

export function Find({ value }) {
  const { data, error } = useLoad(() => candidatesFor(value), ['find', value]);
  const known = data?.filter(({ line }) => line !== undefined) ?? [];
  const only = known.length === 1 ? known[0].kind : undefined;
  useEffect(() => {
    if (only !== undefined) replace(href(only, value));
  }, [only]);
  if (data === undefined || only !== undefined) return html`<${Waiting} error=${error} />`;
  if (known.length === 0) {
    return html`<section class="card" id="found-nothing">
      <h2>Nothing is known of <${Name} value=${value} /></h2>
      <p>
        It is not connected${abilities.value.explain ? ', and nothing of it is on record any longer' : ''}.
        Names are compared to the letter. If its client cannot connect at all, look for its address: one that
        never arrived here was stopped on the way, by a proxy, DNS or TLS.
      </p>
      ${data.length === 0 ? null : html`<p>Look all the same, as ${data.map(({ kind }, index) => [index === 0 ? '' : ' or ', kind === 'address' ? 'an ' : 'a ', html`<a href=${href(kind, value)}>${kind}</a>`])}.</p>`}
    </section>`;
  }
  return html`<section class="card" id="found">
    <h2><${Name} value=${value} /> is more than one thing</h2>
    <ul class="rows choices">
      ${known.map(
        ({ kind, line }) =>
          html`<li key=${kind}>
            <a href=${href(kind, value)}>${SUBJECTS[kind]} <${Name} value=${value} /></a
            ><span class="muted"><${Name} value=${line} /></span>
          </li>`,
      )}
    </ul>
  </section>`;
}
