/** How the gateway is, in words first, then over time. [G3] */
import { abilities } from './abilities.js';
import { ActionButtons } from './actions.js';
import { get } from './api.js';
import { html, useState } from './html.js';
import { useLoad } from './load.js';
import { Plot } from './plot.js';
import { href } from './routes.js';
import { overLastMinute, sampleError, samples } from './samples.js';
import { Name, number, size, span, times, words } from './text.js';
import { troublesOf } from './troubles.js';

const rate = (value) => `${number(value)}/s`;
const perMinute = (value) => `${number(value)}/min`;
const lag = (value) => `${number(value)} ms`;

export function Overview() {
  const all = samples.value;
  const last = all.at(-1);
  if (last === undefined) {
    return sampleError.value === undefined
      ? html`<p class="empty" role="status">Asking the gateway…</p>`
      : html`<p class="notice" data-tone="bad" role="alert">${sampleError.value.message}</p>`;
  }
  const { stats } = last;
  return html`<${State} sample=${overLastMinute(all)} failure=${sampleError.value} />
    <dl class="tiles">
      <${Tile} label="Sockets" value=${stats.sockets} to="sockets" />
      <${Tile} label="Users" value=${stats.users} to="users" />
      <${Tile} label="Rooms" value=${stats.rooms} to="rooms" />
      <${Tile} label="Nodes" value=${stats.nodes} to="nodes" />
    </dl>
    <${Plots} all=${all} />
    ${abilities.value.top ? html`<${Top} />` : null}
    <section class="card">
      <h2>Send to everyone</h2>
      <${ActionButtons} subject=${{ kind: 'all' }} names=${['send']} />
    </section>`;
}

const Tile = ({ label, value, to }) =>
  html`<div class="tile">
    <dt>${label}</dt>
    <dd><a href=${href(to)} data-tile=${to}>${number(value)}</a></dd>
  </div>`;

/** What is wrong now, or that nothing is. */
function State({ sample, failure }) {
  const troubles = troublesOf(sample);
  if (failure !== undefined)
    troubles.unshift({ tone: 'bad', text: `The gateway did not answer just now: ${failure.message}` });
  const worst = troubles.some(({ tone }) => tone === 'bad') ? 'bad' : troubles.length > 0 ? 'wait' : 'ok';
  return html`<section class="card state" data-tone=${worst} aria-labelledby="state-heading">
    <span class="lamp" aria-hidden="true"></span>
    <div role="status">
      <h2 id="state-heading">
        ${worst === 'ok' ? 'All is well' : worst === 'wait' ? 'Worth a look' : 'Something is wrong'}
      </h2>
      ${
        troubles.length === 0
          ? html`<p class="muted">
              ${times(sample.stats.sockets, 'socket')} of ${times(sample.stats.users, 'user')} on
              ${times(sample.stats.nodes, 'node')}${sample.watchedMs > 0 ? `; in the last ${span(sample.watchedMs)} nothing failed, nothing lagged, and nobody was refused` : '; nothing fails'}.
            </p>`
          : html`<ul>
              ${troubles.map(({ tone, text, to }) => html`<li data-tone=${tone}><${Name} value=${text} longest=${300} />${to === undefined ? null : html` <a href=${href(to)}>Look</a>`}</li>`)}
            </ul>`
      }
    </div>
  </section>`;
}

function Plots({ all }) {
  const times = all.map(({ at }) => at);
  const nodes = [...new Set(all.flatMap(({ byNode }) => Object.keys(byNode)))];
  const of = (name) =>
    nodes.map((node) => ({ label: node, values: all.map(({ byNode }) => byNode[node]?.[name] ?? null) }));
  const sockets = [{ label: 'sockets', values: all.map(({ stats }) => stats.sockets) }];
  return html`<div class="plots">
    <${Plot} title="Sockets" times=${times} series=${sockets} format=${number} />
    ${
      abilities.value.metrics
        ? html`<${Plot} title="Deliveries" times=${times} series=${of('deliveries')} format=${rate} />
            <${Plot} title="Clients refused" times=${times} series=${of('refusals')} format=${perMinute} />
            <${Plot}
              title="Lag of the event loop, 99th percentile"
              times=${times}
              series=${of('lagMs')}
              format=${lag}
            />`
        : html`<p class="notice">
            A key with the scope <code>metrics</code> draws deliveries, refusals and lag here.
          </p>`
    }
  </div>`;
}

const MEASURES = {
  publications: 'publications',
  bytes: 'bytes sent',
  reconnects: 'reconnects',
  refusals: 'refusals',
  unsent: 'unsent bytes',
};
const KINDS = { user: 'users', room: 'rooms', address: 'addresses', key: 'API keys' };

function Top() {
  const [by, setBy] = useState('publications');
  const [of, setOf] = useState('user');
  const { data, error } = useLoad(() => get('v1/top', { by, of }), [by, of], 15_000);
  const select = (id, label, value, options, set) =>
    html`<label class="field inline" for=${id}
      ><span>${label}</span
      ><select id=${id} value=${value} onChange=${(event) => set(event.currentTarget.value)}>
        ${Object.entries(options).map(([name, text]) => html`<option value=${name} selected=${name === value}>${text}</option>`)}
      </select></label
    >`;
  const most = data?.items[0]?.count ?? 1;
  return html`<section class="card" aria-labelledby="top-heading">
    <h2 id="top-heading">Who causes most</h2>
    <div class="ask">
      ${select('top-of', 'Of', of, KINDS, setOf)}${select('top-by', 'By', by, MEASURES, setBy)}
    </div>
    ${
      error !== undefined
        ? html`<p class="notice" data-tone="bad">${error.message}</p>`
        : data === undefined
          ? html`<p class="empty">Asking the gateway…</p>`
          : data.items.length === 0
            ? html`<p class="empty">Nothing counted so far.</p>`
            : html`<ol class="bars">
                ${data.items.slice(0, 10).map(
                  ({ name, count }) =>
                    html`<li key=${name}>
                      <span
                        >${of === 'key' ? html`<${Name} value=${name} />` : html`<a href=${href(of, name)}><${Name} value=${name} /></a>`}</span
                      >
                      <meter min="0" max=${most} value=${count}></meter>
                      <span class="muted"
                        >${by === 'bytes' || by === 'unsent' ? size(count) : number(count)}</span
                      >
                    </li>`,
                )}
              </ol>`
    }
  </section>`;
}

/** The gateway's processes; `value` is the one that was asked for. */
export function Nodes({ value }) {
  const last = samples.value.at(-1);
  if (last === undefined) return html`<p class="empty" role="status">Asking the gateway…</p>`;
  const most = Math.max(1, ...last.nodes.map(({ sockets }) => sockets));
  return html`<section class="card">
    <h2>Nodes</h2>
    ${value === undefined || last.nodes.some(({ node }) => node === value) ? null : html`<p class="notice" data-tone="wait">Node <${Name} value=${value} mono /> is not among the living: it was stopped, or it died. What became of its sockets stands in their stories.</p>`}
    <ul class="rows">
      ${last.nodes.map(
        ({ node, sockets, startedAt, host, pid, version, leaseExpiresInMs }) =>
          html`<li key=${node} aria-current=${node === value ? 'true' : undefined}>
            <span><${Name} value=${node} mono /></span>
            <meter min="0" max=${most} value=${sockets} aria-label=${`${sockets} sockets`}></meter>
            <span class="muted wide-row">
              ${times(sockets, 'socket')}, up for
              ${span(Date.now() - Date.parse(startedAt))}${host ? `, on ${host}` : ''}${pid ? ` as process ${pid}` : ''}${version ? `, version ${version}` : ''}${leaseExpiresInMs === null || leaseExpiresInMs === undefined ? '' : `, its lease holds for another ${span(leaseExpiresInMs)}`}
            </span>
            <${Figures} figures=${samples.value.findLast(({ byNode }) => byNode[node])?.byNode[node]} />
          </li>`,
      )}
    </ul>
    ${last.stats.nodes > last.nodes.length ? html`<p class="muted">The first ${last.nodes.length} of ${last.stats.nodes}.</p>` : null}
  </section>`;
}

const Figures = ({ figures }) =>
  figures === undefined
    ? null
    : html`<span class="muted wide-row">
        ${figures.deliveries === null ? '' : `${rate(figures.deliveries)} delivered, `}lag
        ${lag(figures.lagMs)}, ${size(figures.memory)} of memory
        ${figures.refusedNow.length === 0 ? '' : `, refused just now: ${figures.refusedNow.map(([code, count]) => `${count} × ${words(code)}`).join(', ')}`}
      </span>`;
