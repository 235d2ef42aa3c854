/** A live trace: what happens to a user, a room or an address, as it happens. [X6] */
import { ask, failureOf } from './api.js';
import { html, useEffect, useRef, useState } from './html.js';
import { href } from './routes.js';
import { Json, Name, number, Time, times, words } from './text.js';

const SHOWN = 200;

/** Reads server-sent events from a response; gives those that came together to `onEvents([{event, data}])` until it ends. */
async function readEvents(response, onEvents) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    const events = [];
    for (const block of blocks) {
      const fields = { event: 'message', data: '' };
      for (const line of block.split(/\r?\n/)) {
        const [, name, text] = /^(\w+): ?(.*)$/.exec(line) ?? [];
        if (name === 'data') fields.data += text;
        else if (name === 'event') fields.event = text;
      }
      if (fields.data !== '') events.push(fields);
    }
    if (events.length > 0) onEvents(events);
  }
}

/** `subject` is the query: `{user}`, `{room}` or `{address}`. */
export function Trace({ subject }) {
  const [state, setState] = useState('off');
  const [lines, setLines] = useState([]);
  const [withPayloads, setWithPayloads] = useState(false);
  const abort = useRef();
  const subjectKey = JSON.stringify(subject);
  useEffect(() => () => abort.current?.abort(), [subjectKey]);

  const start = async () => {
    const own = new AbortController();
    abort.current = own;
    setState('live');
    setLines([]);
    try {
      const query = { ...subject, payloads: withPayloads ? 'true' : undefined };
      const response = await ask('GET', 'v1/trace', { query, signal: own.signal, type: 'text/event-stream' });
      if (!response.ok) throw await failureOf(response);
      await readEvents(response, (events) => {
        const newest = events.map(lineOf).reverse();
        setLines((old) => [...newest, ...old].slice(0, SHOWN));
      });
      setState('over: a trace ends after ten minutes');
    } catch (error) {
      if (!own.signal.aborted) setState(error.message);
    }
  };
  const stop = () => {
    abort.current?.abort();
    setState('off');
  };

  return html`<section class="card" aria-labelledby="trace-heading">
    <div class="card-head">
      <h3 id="trace-heading">Live trace</h3>
      ${
        state === 'live'
          ? html`<button type="button" class="small" onClick=${stop}>Stop</button>`
          : html`<button type="button" class="small" onClick=${() => void start()}>Watch live</button>`
      }
    </div>
    <label class="check" for="payloads">
      <input
        id="payloads"
        type="checkbox"
        checked=${withPayloads}
        disabled=${state === 'live'}
        onChange=${(event) => setWithPayloads(event.currentTarget.checked)}
      />
      <span>with payloads (scope manage)</span>
    </label>
    <p class="muted" role="status">
      ${state === 'off' ? 'Off. Nothing is slowed by a trace.' : state === 'live' ? 'Watching; the newest is on top.' : state}
    </p>
    ${
      lines.length === 0
        ? null
        : html`<ol class="trace" tabindex="0" aria-label="What happened, the newest first">
            ${lines.map(
              ({ id, at, type, rest }) =>
                html`<li key=${id}>
                  <${Time} at=${at} /> <strong><${Name} value=${words(type)} /></strong> ${rest}
                </li>`,
            )}
          </ol>`
    }
  </section>`;
}

let lastId = 0;

/** What a field of a line is a link to, and what it is called where its own name is no word. */
const LINKS = {
  user: 'user',
  from: 'user',
  socketId: 'socket',
  room: 'room',
  id: 'publication',
  address: 'address',
};
const LABELS = { socketId: 'socket', id: 'publication', from: 'sent by', closeCode: 'close code' };
const SOCKETS_SHOWN = 3;

function lineOf({ event, data }) {
  lastId += 1;
  let fields;
  try {
    fields = JSON.parse(data);
  } catch {
    return { id: lastId, at: Date.now(), type: event, rest: html`<${Name} value=${data} longest=${300} />` };
  }
  const { at, type = event, sockets, count, ...rest } = fields;
  const pairs = Object.entries(rest)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(
      ([name, value]) =>
        html`<span class="pair-of">${LABELS[name] ?? words(name)} ${valueOf(name, value)}</span> `,
    );
  const to = Array.isArray(sockets)
    ? html`<span class="pair-of">to ${recipients(sockets, count)}</span>`
    : '';
  return { id: lastId, at: at ?? Date.now(), type, rest: [pairs, to] };
}

function valueOf(name, value) {
  if (typeof value === 'object') return html`<${Json} value=${value} />`;
  const shown = html`<${Name} value=${value} mono />`;
  return LINKS[name] === undefined ? shown : html`<a href=${href(LINKS[name], String(value))}>${shown}</a>`;
}

/** A few of them by name; `count` is of all. */
function recipients(sockets, count) {
  const named = sockets.slice(0, SOCKETS_SHOWN);
  const others = count - named.length;
  return [
    times(count, 'socket'),
    ': ',
    named.map((socketId, index) => [index === 0 ? '' : ', ', valueOf('socketId', socketId)]),
    others > 0 ? ` and ${number(others)} more` : '',
  ];
}
