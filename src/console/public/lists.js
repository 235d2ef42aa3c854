/** Lists by pages: one page is asked for, the next when somebody wants it; never everything. [G2] [R3] */
import { get, path } from './api.js';
import { ActionButtons } from './actions.js';
import { html, useEffect, useState } from './html.js';
import { Waiting } from './load.js';
import { href } from './routes.js';
import { agentText, Json, Name, number, Time, times } from './text.js';

const PAGE = 50;

/** A list that grows by pages; `from` and `query` say which, `Row` draws one item. */
export function Paged({ from, query = {}, Row, label, none }) {
  const [state, setState] = useState({ items: [], next: null, total: 0, isLoaded: false });
  const [error, setError] = useState();
  const [turn, setTurn] = useState(0);
  const inputsKey = JSON.stringify([from, query]);

  useEffect(() => {
    let isCurrent = true;
    setState({ items: [], next: null, total: 0, isLoaded: false });
    setError(undefined);
    get(from, { ...query, limit: PAGE }).then(
      (page) => isCurrent && setState({ ...page, isLoaded: true }),
      (failure) => isCurrent && setError(failure),
    );
    return () => (isCurrent = false);
  }, [inputsKey, turn]);

  const more = async () => {
    try {
      const page = await get(from, { ...query, limit: PAGE, cursor: state.next });
      setState((old) => ({ ...page, items: [...old.items, ...page.items], isLoaded: true }));
    } catch (failure) {
      setError(failure);
    }
  };

  if (error !== undefined || !state.isLoaded) return html`<${Waiting} error=${error} />`;
  return html`<div class="paged">
    <div class="card-head">
      <p class="muted" role="status">${number(state.items.length)} of ${number(state.total)}</p>
      <button type="button" class="quiet small" onClick=${() => setTurn(turn + 1)}>Refresh</button>
    </div>
    ${
      state.items.length === 0
        ? html`<p class="empty">${none}</p>`
        : html`<ul class="rows" aria-label=${label}>
            ${state.items.map((item) => html`<${Row} ...${item} />`)}
          </ul>`
    }
    ${state.next === null ? null : html`<button type="button" onClick=${() => void more()}>Show ${PAGE} more</button>`}
  </div>`;
}

export const UserRow = ({ user, sockets }) =>
  html`<li>
    <a href=${href('user', user)}><${Name} value=${user} /></a
    ><span class="muted">${times(sockets, 'socket')}</span>
  </li>`;

export const RoomRow = ({ room, sockets, users }) =>
  html`<li>
    <a href=${href('room', room)}><${Name} value=${room} /></a>
    <span class="muted">${times(users, 'user')}, ${times(sockets, 'socket')}</span>
  </li>`;

export const SocketRow = (entry) => {
  const { socketId, user, transport, address, userAgent, connectedAt, node, namespace, rooms } = entry;
  const parts = [
    html`<a href=${href('user', user)}><${Name} value=${user} /></a>`,
    transport,
    namespace === '/' ? null : html`namespace <${Name} value=${namespace} />`,
    html`from <a href=${href('address', address)}>${address}</a>`,
    html`<span title=${userAgent.slice(0, 500)}><${Name} value=${agentText(userAgent)} /></span>`,
    html`since <${Time} at=${Date.parse(connectedAt)} />`,
    html`node <a href=${href('node', node)}><${Name} value=${node} mono /></a>`,
  ].filter((part) => part !== null);
  return html`<li>
    <a href=${href('socket', socketId)}><${Name} value=${socketId} mono /></a>
    <span class="muted wide-row">
      ${parts.flatMap((part, index) => (index === 0 ? [part] : [' · ', part]))}
      ${rooms.length === 0 ? null : html`<br />in ${roomLinks(rooms)}`}
    </span>
  </li>`;
};

const SHOWN_ROOMS = 12;

/** Rooms as links; the first few of many. */
export const roomLinks = (rooms) => [
  ...rooms
    .slice(0, SHOWN_ROOMS)
    .map((room, index) => [
      index === 0 ? '' : ', ',
      html`<a href=${href('room', room)}><${Name} value=${room} /></a>`,
    ]),
  rooms.length > SHOWN_ROOMS ? ` and ${rooms.length - SHOWN_ROOMS} more` : '',
];

export const MemberRow = ({ user, info, sockets }) =>
  html`<li>
    <a href=${href('user', user)}><${Name} value=${user} /></a>
    ${info === undefined || info === null ? null : html`<span class="muted"><${Json} value=${info} /></span>`}
    <span class="muted">${times(sockets, 'socket')}</span>
  </li>`;

export const Users = () =>
  html`<section class="card">
    <h2>Users online</h2>
    <${Paged} from="v1/users" Row=${UserRow} label="Users" none="Nobody is online." />
  </section>`;

export const Sockets = () =>
  html`<section class="card">
    <h2>Sockets</h2>
    <${Paged} from="v1/sockets" Row=${SocketRow} label="Sockets" none="No socket is connected." />
  </section>`;

export function Rooms() {
  const [prefix, setPrefix] = useState('');
  return html`<section class="card">
    <h2>Rooms</h2>
    <label class="field" for="prefix">
      <span>That start with</span>
      <input
        id="prefix"
        maxlength="128"
        spellcheck=${false}
        value=${prefix}
        onChange=${(event) => setPrefix(event.currentTarget.value.trim())}
      />
    </label>
    <${Paged}
      from="v1/rooms"
      query=${{ prefix }}
      Row=${RoomRow}
      label="Rooms"
      none="No such room has a socket in it."
    />
  </section>`;
}

const BlockRow = ({ user }) =>
  html`<li>
    <a href=${href('user', user)}><${Name} value=${user} /></a>
    <${ActionButtons} subject=${{ kind: 'user', value: user }} names=${['unblock']} />
  </li>`;

export const Blocks = () =>
  html`<section class="card">
    <h2>Blocked users</h2>
    <${Paged} from="v1/blocks" Row=${BlockRow} label="Blocked users" none="Nobody is blocked." />
  </section>`;

/** A room's members and sockets, side by side. */
export const InRoom = ({ room }) =>
  html`<div class="columns">
    <section class="card">
      <h3>Members</h3>
      <${Paged}
        from=${path`v1/rooms/${room}/members`}
        Row=${MemberRow}
        label="Members"
        none="Nobody is in it."
      />
    </section>
    <section class="card">
      <h3>Sockets</h3>
      <${Paged}
        from="v1/sockets"
        query=${{ room }}
        Row=${SocketRow}
        label="Sockets"
        none="No socket is in it."
      />
    </section>
  </div>`;
