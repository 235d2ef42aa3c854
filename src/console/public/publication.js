/** What became of a publication, and whether a user got it. [X3] */
import { abilities } from './abilities.js';
import { html, useRef } from './html.js';
import { useLoad, Waiting } from './load.js';
import { go, href } from './routes.js';
import { Fact } from './story.js';
import { Explained, explainOf, Head } from './subjects.js';
import { Name, Time, times, words } from './text.js';

const VERDICTS = {
  acknowledged: ['ok', 'Yes: its client acknowledged it'],
  written: ['ok', 'It was written to its connection'],
  replayed: ['ok', 'Yes, later: it was replayed when the client came back'],
  waiting: ['wait', 'Not yet: it waits for the client'],
  offline: ['bad', 'No: the user was not connected'],
  not_in_room: ['bad', 'No: the user was not in the room'],
  join_refused: ['bad', 'No: the user was not let into the room'],
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
  const named = story?.to.users ?? [];
  const asked = query.user ?? (named.length === 1 ? named[0] : '');
  const [tone, answerText] = VERDICTS[data?.verdict] ?? ['idle', words(data?.verdict ?? '')];
  return html`<${Head}
      kind="publication"
      value=${value}
      tone=${story?.matched === 0 ? 'wait' : 'idle'}
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
                    defaultValue=${asked}
                    value=${asked}
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
                        ${(data.because ?? []).map((fact) => html`<li><${Fact} text=${fact} /></li>`)}
                      </ul>`
              }
            </section>
            ${story === undefined ? null : html`<${Deliveries} ...${story} />`}
            <${Explained} answer=${data} hasVerdict />`
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
  ${Object.keys(except ?? {}).length === 0 ? null : html`except <${Target} ...${except} />`} (it matched
  ${times(matched, 'socket')}${volatile ? ', volatile' : ''}). Whether a particular user got it: ask below.
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
            <span
              >Node <a href=${href('node', node)}><${Name} value=${node} mono /></a
            ></span>
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
