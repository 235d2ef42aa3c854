/** One page for each kind of thing that can be looked up. */
import { abilities } from './abilities.js';
import { ActionButtons } from './actions.js';
import { find, get, path } from './api.js';
import { html, useRef } from './html.js';
import { InRoom, roomLinks, SocketRow } from './lists.js';
import { useLoad, Waiting } from './load.js';
import { go, href, SUBJECTS } from './routes.js';
import { Findings, Story } from './story.js';
import { Json, Name, Time, times, words } from './text.js';
import { Trace } from './trace.js';

const explainOf = (query) =>
  abilities.value.explain ? get('v1/explain', query) : Promise.resolve(undefined);

/** What is the same on all of these pages: what it is, how it is now, what can be done. */
const Head = ({ kind, value, tone, now, actions = [], initial, reload }) =>
  html`<section class="card subject" data-tone=${tone}>
    <p class="muted">${SUBJECTS[kind]}</p>
    <h2><${Name} value=${value} /></h2>
    <p class="now" role="status">${now}</p>
    ${actions.length === 0 ? null : html`<${ActionButtons} subject=${{ kind, value }} names=${actions} initial=${initial} onDone=${reload} />`}
    <button type="button" class="quiet small" onClick=${reload}>Refresh</button>
  </section>`;

/** Findings and time line, with what is missing from them. */
function Explained({ answer, shown = answer?.findings }) {
  if (answer === undefined) {
    return html`<p class="notice">
      This gateway keeps no flight record, so there is no story to tell: only what is now.
    </p>`;
  }
  const { now, episodes } = answer;
  return html`<${Missing} names=${now?.unanswered ?? []} />
    <${Findings} findings=${shown} />
    ${episodes.length === 0 ? null : html`<div class="card"><${Story} episodes=${episodes} now=${now?.at ?? Date.now()} /></div>`}`;
}

const Missing = ({ names }) =>
  names.length === 0
    ? null
    : html`<p class="notice" data-tone="wait">
        ${times(names.length, 'node')} did not answer in time; what only
        ${names.length === 1 ? 'it knows' : 'they know'} is missing: <${Name} value=${names.join(', ')} />
      </p>`;

export function User({ value }) {
  const { data, error, reload } = useLoad(async () => {
    const [entry, answer, blocked] = await Promise.all([
      get(path`v1/users/${value}`),
      explainOf({ user: value }),
      get('v1/blocks', { limit: 1_000 }),
    ]);
    return { entry, answer, isBlocked: blocked.items.some(({ user }) => user === value) };
  }, ['user', value]);
  if (data === undefined) return html`<${Waiting} error=${error} />`;
  const { entry, answer, isBlocked } = data;
  const held = answer?.now?.heldUntil;
  const state = isBlocked
    ? 'Blocked: none of its sockets is let in.'
    : entry.online
      ? `Online with ${times(entry.sockets.length, 'socket')}.`
      : held
        ? html`Shown online until <${Time} at=${held} />: its connection broke, and it may come back.`
        : 'Offline.';
  return html`<${Head}
      kind="user"
      value=${value}
      tone=${isBlocked ? 'bad' : entry.online ? 'ok' : 'idle'}
      now=${state}
      reload=${reload}
      actions=${['send', 'join', 'leave', 'kick', isBlocked ? 'unblock' : 'block']}
      initial=${{ room: entry.rooms[0] }}
    />
    <${Explained} answer=${answer} />
    ${
      entry.sockets.length === 0
        ? null
        : html`<section class="card">
            <h3>Sockets now</h3>
            <ul class="rows">
              ${entry.sockets.map((socket) => html`<${SocketRow} key=${socket.socketId} ...${socket} />`)}
            </ul>
          </section>`
    }
    ${abilities.value.trace ? html`<${Trace} key=${value} subject=${{ user: value }} />` : null}`;
}

export function Socket({ value }) {
  const { data, error, reload } = useLoad(async () => {
    const [entry, answer] = await Promise.all([
      find(path`v1/sockets/${value}`),
      explainOf({ socket: value }),
    ]);
    return { entry, answer };
  }, ['socket', value]);
  if (data === undefined) return html`<${Waiting} error=${error} />`;
  const { entry, answer } = data;
  const user = entry?.user ?? answer?.episodes.find(({ socketId }) => socketId === value)?.user;
  const whose = user ? html`, of the user <a href=${href('user', user)}><${Name} value=${user} /></a>` : null;
  return html`<${Head}
      kind="socket"
      value=${value}
      tone=${entry ? 'ok' : 'idle'}
      reload=${reload}
      now=${entry ? html`Connected${whose}.` : html`Not connected${whose}.`}
      actions=${entry ? ['send', 'join', 'leave', 'kick'] : []}
      initial=${{ room: entry?.rooms[0] }}
    />
    <${Explained} answer=${answer} />
    ${
      entry === undefined
        ? null
        : html`<section class="card">
            <h3>Now</h3>
            <ul class="rows">
              <${SocketRow} ...${entry} rooms=${[]} />
            </ul>
            <p>${entry.rooms.length === 0 ? 'In no room.' : ['In ', roomLinks(entry.rooms)]}</p>
            ${entry.info === undefined || entry.info === null ? null : html`<p class="muted">Its token says <${Json} value=${entry.info} /></p>`}
          </section>`
    }`;
}

export function Room({ value }) {
  const { data, error, reload } = useLoad(async () => {
    const [entry, history] = await Promise.all([
      get(path`v1/rooms/${value}`),
      get(path`v1/rooms/${value}/history`, { limit: 20 }).catch(() => undefined),
    ]);
    return { entry, history };
  }, ['room', value]);
  if (data === undefined) return html`<${Waiting} error=${error} />`;
  const { entry, history } = data;
  return html`<${Head}
      kind="room"
      value=${value}
      tone=${entry.sockets > 0 ? 'ok' : 'idle'}
      reload=${reload}
      actions=${['send']}
      now=${entry.sockets === 0 ? 'Empty.' : `${times(entry.users, 'user')} with ${times(entry.sockets, 'socket')}.`}
    />
    <${InRoom} key=${value} room=${value} />
    ${
      history === undefined || history.publications.length === 0
        ? null
        : html`<section class="card">
            <h3>What it keeps</h3>
            <p class="muted">The last ${history.publications.length} of ${history.offset} publications</p>
            <ul class="rows">
              ${history.publications.toReversed().map(
                ({ id, event, args, user, at }) =>
                  html`<li key=${id}>
                    <span
                      >${at === undefined ? null : html`<${Time} at=${Date.parse(at)} /> `}<a
                        href=${href('publication', id)}
                        ><${Name} value=${event} mono /></a
                    ></span>
                    <span class="muted wide-row"
                      ><${Json}
                        value=${args}
                      />${user === undefined ? null : html` by <a href=${href('user', user)}><${Name} value=${user} /></a>`}</span
                    >
                  </li>`,
              )}
            </ul>
          </section>`
    }
    ${abilities.value.trace ? html`<${Trace} key=${value} subject=${{ room: value }} />` : null}`;
}

export function Address({ value }) {
  const { data, error, reload } = useLoad(() => explainOf({ address: value }), ['address', value]);
  if (data === undefined && (error !== undefined || abilities.value.explain))
    return html`<${Waiting} error=${error} />`;
  const users = [...new Set((data?.episodes ?? []).map(({ user }) => user).filter((user) => user !== null))];
  return html`<${Head}
      kind="address"
      value=${value}
      tone="idle"
      reload=${reload}
      now=${users.length === 0 ? 'No user is known to have come from here.' : html`From here: ${users.slice(0, 12).map((user, index) => [index === 0 ? '' : ', ', html`<a href=${href('user', user)}><${Name} value=${user} /></a>`])}`}
    />
    <${Explained} answer=${data} />
    ${abilities.value.trace ? html`<${Trace} key=${value} subject=${{ address: value }} />` : null}`;
}

const VERDICTS = {
  acknowledged: ['ok', 'Yes: its client acknowledged it'],
  written: ['ok', 'It was written to its connection'],
  replayed: ['ok', 'Yes, later: it was replayed when the client came back'],
  waiting: ['wait', 'Not yet: it waits for the client'],
  offline: ['bad', 'No: the user was not connected'],
  not_in_room: ['bad', 'No: the user was not in the room'],
  join_refused: ['bad', 'No: the user was refused in the room'],
  excluded: ['bad', 'No: the publication left the user out'],
  volatile_dropped: ['bad', 'No: it was volatile, and the socket was not ready'],
  slow_consumer: ['bad', 'No: the client did not read, and was ended'],
  other_namespace: ['bad', 'No: the socket is in another namespace'],
  node_lost: ['bad', 'Probably not: its node died'],
  no_record: ['idle', 'Not known: nothing is remembered of it'],
};

export function Publication({ value, query }) {
  const field = useRef();
  const { data, error, reload } = useLoad(
    () => explainOf({ publication: value, user: query.user }),
    ['publication', value, query.user],
  );
  if (data === undefined && (error !== undefined || abilities.value.explain))
    return html`<${Waiting} error=${error} />`;
  const story = data?.publication ?? undefined;
  const submit = (event) => {
    event.preventDefault();
    const user = field.current.value.trim();
    go(user === '' ? href('publication', value) : href('publication', value, { user }));
  };
  const [tone, answerText] = VERDICTS[data?.verdict] ?? ['idle', words(data?.verdict ?? '')];
  return html`<${Head}
      kind="publication"
      value=${value}
      tone=${story ? 'ok' : 'idle'}
      reload=${reload}
      now=${story === undefined ? 'Nothing is remembered of it: publications are for ten minutes.' : html`<${PublicationLine} ...${story} />`}
    />
    ${
      data === undefined
        ? html`<${Explained} />`
        : html`<section class="card" data-tone=${data.verdict === undefined ? '' : tone}>
              <h3>Did this user get it?</h3>
              <form class="ask" onSubmit=${submit} autocomplete="off">
                <label class="field inline" for="asked-user"
                  ><span>User</span
                  ><input
                    id="asked-user"
                    ref=${field}
                    maxlength="128"
                    spellcheck=${false}
                    defaultValue=${query.user ?? ''}
                    value=${query.user ?? ''}
                /></label>
                <button class="primary">Ask</button>
              </form>
              ${
                data.verdict === undefined
                  ? null
                  : html`<p class="verdict" role="status" data-verdict=${data.verdict}>
                        <strong>${answerText}.</strong>
                      </p>
                      <ul class="facts-list">
                        ${(data.because ?? []).map((fact) => html`<li><${Name} value=${fact} longest=${400} /></li>`)}
                      </ul>`
              }
            </section>
            ${story === undefined ? null : html`<${Deliveries} ...${story} />`}
            <${Explained} answer=${data} />`
    }`;
}

const publisherOf = ({ kind, name }) =>
  kind === 'user'
    ? html`the user <a href=${href('user', name)}><${Name} value=${name} /></a>`
    : kind === 'key'
      ? html`the key <${Name} value=${name} />`
      : 'the app';

const PublicationLine = ({ event, at, by, to, except, volatile, matched }) => html`
  <${Name} value=${event} mono />, sent by ${publisherOf(by)} at <${Time} at=${at} /> to
  <${Target} ...${to} />
  ${Object.keys(except ?? {}).length === 0 ? null : html`except <${Target} ...${except} />`}
  (${times(matched, 'socket')}${volatile ? ', volatile' : ''})
`;

function Target({ all, ...selection }) {
  if (all) return 'everyone';
  const parts = Object.entries(selection).flatMap(([kind, names]) =>
    names
      .slice(0, 8)
      .map((name, index) => [
        index === 0 ? '' : ', ',
        `${kind.replace(/s$/, '')} `,
        html`<${Name} value=${name} />`,
      ]),
  );
  return parts.length === 0 ? 'nobody' : html`<span>${parts}</span>`;
}

const Deliveries = ({ nodes, exceptions, isCut }) =>
  html`<section class="card">
    <h3>Where it went</h3>
    <ul class="rows">
      ${nodes.map(
        ({ node, written, dropped, waiting }) =>
          html`<li key=${node}>
            <span>Node <${Name} value=${node} mono /></span>
            <span class="muted"
              >written to
              ${times(written, 'socket')}${dropped > 0 ? `, dropped for ${dropped}` : ''}${waiting > 0 ? `, waits for ${waiting}` : ''}</span
            >
          </li>`,
      )}
      ${exceptions.slice(0, 50).map(
        ({ socketId, what, at }) =>
          html`<li>
            <a href=${href('socket', socketId)}><${Name} value=${socketId} mono /></a
            ><span class="muted">${words(what)} at <${Time} at=${at} /></span>
          </li>`,
      )}
    </ul>
    ${isCut ? html`<p class="muted">More happened than is kept.</p>` : null}
  </section>`;
