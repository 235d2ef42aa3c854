/** Puts the console together: the gate, the search, and the view that the address names. */
import { ActionDialog, Outcome } from './actions.js';
import { abilities, probe } from './abilities.js';
import { Backends } from './backends.js';
import { isSecured, key, setKey } from './api.js';
import { html, render, useEffect, useRef } from './html.js';
import { KeyGate } from './key-gate.js';
import { Blocks, Rooms, Sockets, Users } from './lists.js';
import { Waiting } from './load.js';
import { Nodes, Overview } from './overview.js';
import { Publication } from './publication.js';
import { href, route } from './routes.js';
import { watch } from './samples.js';
import { Find, SearchBar } from './search.js';
import { Address, Room, Socket, User } from './subjects.js';

const TABS = {
  overview: 'Overview',
  users: 'Users',
  sockets: 'Sockets',
  rooms: 'Rooms',
  nodes: 'Nodes',
  backends: 'Backends',
  blocks: 'Blocked',
};

const VIEWS = {
  overview: Overview,
  users: Users,
  sockets: Sockets,
  rooms: Rooms,
  nodes: Nodes,
  node: Nodes,
  backends: Backends,
  blocks: Blocks,
  find: Find,
  user: User,
  socket: Socket,
  room: Room,
  publication: Publication,
  address: Address,
};

const App = () =>
  isSecured && key.value === '' ? html`<${KeyGate} />` : html`<${Console} key=${key.value} />`;

function Console() {
  const view = useRef();
  const tabs = useRef();
  const { view: name, value, query } = route.value;
  const isFirst = useRef(true);
  useEffect(() => {
    let stop;
    let isOver = false;
    void probe().then(() => {
      if (!isOver) stop = watch();
    });
    return () => {
      isOver = true;
      stop?.();
    };
  }, []);
  useEffect(() => {
    const title = value === undefined ? (TABS[name] ?? '') : value.slice(0, 60);
    document.title = `${title} · Switchboard console`;
    // Whoever reads the page aloud, or uses the keyboard, is where the new view begins; not when the page opens.
    if (!isFirst.current) view.current.focus({ preventScroll: true });
    isFirst.current = false;
  }, [name, value]);
  // On a phone the tabs are wider than the page.
  useEffect(
    () =>
      tabs.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' }),
    [name],
  );
  const View = abilities.value === undefined ? Waiting : VIEWS[name];
  return html`<${SearchBar} />
    <nav class="tabs" aria-label="Views" ref=${tabs}>
      ${Object.entries(TABS).map(([tab, label]) => html`<a key=${tab} href=${href(tab)} aria-current=${tab === (name === 'node' ? 'nodes' : name) ? 'page' : undefined}>${label}</a>`)}
      ${isSecured ? html`<button type="button" class="quiet small" onClick=${() => setKey('')}>Forget the key</button>` : null}
    </nav>
    <${Outcome} />
    <div
      class="view"
      ref=${view}
      tabindex="-1"
      data-view=${name}
      data-abilities=${Object.keys(abilities.value ?? {})
        .filter((one) => abilities.value[one])
        .join(' ')}
    >
      ${View === undefined ? html`<p class="notice">There is no such view.</p>` : html`<${View} key=${`${name}/${value}`} value=${value} query=${query} />`}
    </div>
    <${ActionDialog} />`;
}

const main = document.getElementById('main');
document.querySelector('[data-skip]').addEventListener('click', (event) => {
  event.preventDefault(); // The address after the hash is the view's.
  main.focus();
});
render(html`<${App} />`, main);
