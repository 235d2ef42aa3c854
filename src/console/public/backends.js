/** Webhooks and remote handlers with their state. */
import { abilities } from './abilities.js';
import { call, get, path } from './api.js';
import { outcome } from './actions.js';
import { html, useState } from './html.js';
import { useLoad, Waiting } from './load.js';
import { samples } from './samples.js';
import { Json, Name, span, times, words } from './text.js';
import { isFailing, otherParts, stateText, statesOf } from './troubles.js';

export function Backends() {
  const details = samples.value.at(-1)?.health?.details ?? {};
  const parts = otherParts(details).filter(([part]) => part !== 'webhooks');
  return html`${abilities.value.webhooks ? html`<${Webhooks} />` : null}
  ${parts.map(([part, check]) => html`<${Part} key=${part} part=${part} states=${statesOf(check)} />`)}
  ${
    parts.length === 0 && !abilities.value.webhooks
      ? html`<section class="card">
          <h2>No backends</h2>
          <p>
            This gateway calls no remote handler and sends no webhook: <code>SWITCHBOARD_HANDLERS</code> names
            those that it is to call.
          </p>
        </section>`
      : null
  }`;
}

const Part = ({ part, states }) =>
  html`<section class="card">
    <h2 class="as-title">${part === 'handlers' ? 'Remote handlers' : words(part)}</h2>
    <ul class="rows">
      ${states.map(
        ([name, state]) =>
          html`<li key=${name} data-tone=${isFailing(state) ? 'bad' : 'ok'}>
            <span><span class="dot" aria-hidden="true"></span> <${Name} value=${name} mono /></span>
            <span class="muted"
              >${typeof state === 'object' ? html`<${Json} value=${state} />` : stateText(state)}</span
            >
          </li>`,
      )}
    </ul>
  </section>`;

function Webhooks() {
  const { data, error, reload } = useLoad(() => get('v1/webhooks'), ['webhooks'], 5_000);
  if (data === undefined)
    return html`<section class="card">
      <h2>Webhooks</h2>
      <${Waiting} error=${error} />
    </section>`;
  const items = data.items ?? [];
  return html`<section class="card">
    <h2>Webhooks</h2>
    ${
      items.length === 0
        ? html`<p class="empty">
            None is configured: <code>SWITCHBOARD_WEBHOOKS</code> names those that are to be told.
          </p>`
        : html`<ul class="rows">
            ${items.map((item) => html`<${Webhook} key=${item.name} item=${item} reload=${reload} />`)}
          </ul>`
    }
  </section>`;
}

function Webhook({ item, reload }) {
  const { name, url, ...rest } = item;
  const [isOpen, setOpen] = useState(false);
  const test = async () => {
    try {
      const result = await call('POST', path`v1/webhooks/${name}/test`);
      const isDelivered = result?.outcome === undefined || result.outcome === 'delivered';
      const why = result?.error ?? (result?.status ? `answered ${result.status}` : 'no answer');
      outcome.value = isDelivered
        ? { tone: 'ok', text: `The test has reached ${name}` }
        : { tone: 'bad', text: `The test has not reached ${name}: ${why}` };
    } catch (error) {
      outcome.value = { tone: 'bad', text: error.message };
    }
    reload();
  };
  return html`<li data-webhook=${name} data-tone=${isFailing(rest) ? 'bad' : 'ok'}>
    <span
      ><span class="dot" aria-hidden="true"></span>
      <strong><${Name} value=${name} /></strong
      >${url === undefined ? null : html` <span class="muted"><${Name} value=${url} /></span>`}</span
    >
    <span class="buttons">
      <button type="button" class="small" onClick=${() => void test()}>Send a test</button>
      <button type="button" class="small quiet" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
        Attempts
      </button>
    </span>
    <${Backlog} item=${item} />
    <${Told} events=${item.events} />
    ${isOpen ? html`<${Attempts} name=${name} />` : null}
  </li>`;
}

/** Whether it keeps up. */
function Backlog({ item: { state, depth = 0, lagMs = 0, batch, lastError } }) {
  const waiting =
    depth === 0
      ? 'All is delivered'
      : `${times(depth, 'event')} ${depth === 1 ? 'waits' : 'wait'}, the oldest for ${span(lagMs ?? 0)}`;
  return html`<span class="muted wide-row"
    >${waiting}.${batch ? ' Several events go in one request.' : null}${
      state === undefined || state === 'ok' ? null : html` State: <${Name} value=${words(state)} />.`
    }${lastError ? html` Last error: <${Name} value=${lastError} />.` : null}</span
  >`;
}

/** What it is told of. */
const Told = ({ events = [] }) =>
  html`<span class="wide-row"
    >${events.map((event) => html`<span class="tag" key=${event}><${Name} value=${event} mono /></span>`)}</span
  >`;

/** Figures of something by their names. */
const Facts = ({ values }) =>
  html`<span class="muted wide-row">
    ${Object.entries(values)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(
        ([name, value]) =>
          html`<span class="pair-of"
            >${label(name)}
            ${typeof value === 'object' ? html`<${Json} value=${value} />` : html`<${Name} value=${value} />`}</span
          > `,
      )}
  </span>`;

/** `lastError` as words. */
const label = (name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replaceAll('_', ' ');

function Attempts({ name }) {
  const { data, error } = useLoad(() => get(path`v1/webhooks/${name}/attempts`), ['attempts', name], 5_000);
  if (data === undefined) return html`<${Waiting} error=${error} />`;
  const items = data.items ?? [];
  return items.length === 0
    ? html`<p class="empty wide-row">No attempt so far.</p>`
    : html`<ol class="trace wide-row" tabindex="0" aria-label=${`Attempts of ${name}`}>
        ${items.slice(0, 50).map((attempt) => html`<li><${Facts} values=${attempt} /></li>`)}
      </ol>`;
}
