/** One page for each kind of thing that can be looked up. */
import { abilities } from './abilities.js';
import { ActionButtons } from './actions.js';
import { find, get, path } from './api.js';
import { html } from './html.js';
import { InRoom, roomLinks, SocketRow } from './lists.js';
import { useLoad, Waiting } from './load.js';
import { href, SUBJECTS } from './routes.js';
import { Fact, Findings, Story } from './story.js';
import { Json, Name, Time, times } from './text.js';
import { Trace } from './trace.js';

export const explainOf = (query) =>
  abilities.value.explain ? get('v1/explain', query) : Promise.resolve(undefined);

const isProven = ({ confidence }) => confidence === 'certain';

/** Who is online may still be in trouble: what the record proves is not under a green bar. */
const toneOf = (tone, findings) => (tone === 'ok' && findings.some(isProven) ? 'wait' : tone);

/** What is the same on all of these pages: what it is, how it is now, what can be done. */
export const Head = ({ kind, value, tone, now, findings = [], actions = [], initial, reload }) =>
  html`<section class="card subject" data-tone=${toneOf(tone, findings)}>
    <p class="muted">${SUBJECTS[kind]}</p>
    <h2><${Name} value=${value} /></h2>
    <p class="now" role="status">${now}</p>
    ${findings
      .filter(isProven)
      .slice(0, 1)
      .map(
        ({ title }) =>
          html`<p class="proven">
            <strong><${Fact} text=${title} />.</strong>
          </p>`,
      )}
    ${actions.length === 0 ? null : html`<${ActionButtons} subject=${{ kind, value }} names=${actions} initial=${initial} onDone=${reload} />`}
    <button type="button" class="quiet small" onClick=${reload}>Refresh</button>
  </section>`;

/** Findings and time line, with what is missing from them. */
export function Explained({ answer, hasVerdict = false }) {
  if (answer === undefined) {
    return html`<p class="notice">
      This gateway keeps no flight record, so there is no story to tell: only what is now.
    </p>`;
  }
  const { now, episodes, findings } = answer;
  return html`<${Missing} names=${now?.unanswered ?? []} />
    ${hasVerdict && findings.length === 0 ? null : html`<${Findings} findings=${findings} episodes=${episodes} />`}
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
      findings=${answer?.findings}
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
      findings=${answer?.findings}
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
