/** What happened and why: findings first, then the time line, in words. [X2] */
import { BASE } from './api.js';
import { html, useState } from './html.js';
import { href } from './routes.js';
import { Name, Time } from './text.js';
import { hasTroubles, headlineOf, linesOf, summaryOf } from './words.js';

const CONFIDENCE = {
  certain: 'the record proves it',
  likely: 'the record fits it, and little else',
  possible: 'the record fits it, and other causes too',
};

const ISO_TIME = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)/;

/** The page that explains a finding; the path stands in the finding. */
const pageOf = (doc) => (/^\/docs\/why\/\w+$/.test(doc) ? new URL(`.${doc}`, BASE).pathname : undefined);

export const Findings = ({ findings, episodes }) =>
  findings.length === 0
    ? hasTroubles(episodes)
      ? html`<p class="notice" data-tone="wait">No cause stands out. What went wrong is marked red below.</p>`
      : html`<p class="notice" data-tone="ok">Nothing in the record points to a problem.</p>`
    : html`<ol class="findings" aria-label="Findings, the surest first">
        ${findings.map((finding) => html`<${Finding} key=${finding.id} ...${finding} />`)}
      </ol>`;

function Finding({ id, confidence, title, because, try: steps, doc }) {
  const page = pageOf(doc);
  return html`<li class="card finding" data-confidence=${confidence} data-finding=${id}>
    <p class="finding-head">
      <span class="badge" title=${CONFIDENCE[confidence]}>${confidence}</span>
      <strong><${Fact} text=${title} /></strong>
    </p>
    <div class="finding-body">
      <div>
        <h4>Because</h4>
        <ul>
          ${because.map((fact) => html`<li><${Fact} text=${fact} /></li>`)}
        </ul>
      </div>
      <div>
        <h4>Try</h4>
        <ul>
          ${steps.map((step) => html`<li><${Step} text=${step} /></li>`)}
        </ul>
      </div>
    </div>
    ${page === undefined ? null : html`<p><a href=${page} target="_blank" rel="noopener">What ${id} means, and how sure it is</a></p>`}
  </li>`;
}

/** A fact of the gateway, with its times as they stand in the time line. */
export const Fact = ({ text }) =>
  text
    .split(ISO_TIME)
    .map((part, index) =>
      index % 2 === 1 ? html`<${Time} at=${Date.parse(part)} />` : html`<${Step} text=${part} />`,
    );

/** Text of the gateway with names of settings in backquotes. */
const Step = ({ text }) =>
  text
    .split('`')
    .map((part, index) =>
      index % 2 === 1 ? html`<code>${part}</code>` : html`<${Name} value=${part} longest=${400} />`,
    );

export function Story({ episodes, now }) {
  const [isOldestFirst, setOldestFirst] = useState(false);
  const [shown, setShown] = useState(10);
  const ordered = [...episodes].sort((one, other) => one.openedAt - other.openedAt);
  if (!isOldestFirst) ordered.reverse();
  const visible = ordered.slice(0, shown);
  return html`<section aria-labelledby="story-heading">
    <div class="card-head">
      <h3 id="story-heading">What happened</h3>
      <button type="button" class="quiet small" onClick=${() => setOldestFirst(!isOldestFirst)}>
        ${isOldestFirst ? 'Oldest first' : 'Newest first'}
      </button>
    </div>
    <p class="muted">${summaryOf(episodes, now)}</p>
    <ol class="story">
      ${visible.map((episode, index) => html`<${Episode} key=${episodeKey(episode)} episode=${episode} now=${now} isOpen=${index === 0} />`)}
    </ol>
    ${
      ordered.length > shown
        ? html`<button type="button" class="quiet" onClick=${() => setShown(shown + 20)}>
            Show ${Math.min(20, ordered.length - shown)} more of ${ordered.length}
          </button>`
        : null
    }
  </section>`;
}

const episodeKey = ({ socketId, openedAt, address }) => `${socketId}\n${openedAt}\n${address}`;

function Episode({ episode, now, isOpen }) {
  const { tone, text } = headlineOf(episode, now);
  return html`<li>
    <details class="episode" data-tone=${tone} open=${isOpen}>
      <summary>
        <${Time} at=${episode.openedAt} /> <strong><${Name} value=${text} longest=${200} /></strong>
      </summary>
      <ol class="lines">
        ${linesOf(episode).map(
          (line) =>
            html`<li data-tone=${line.tone}>
              ${line.at === null ? html`<span class="no-time" />` : html`<${Time} at=${line.at} />`}
              <span>
                <${Fact} text=${line.text} />
                ${line.to === undefined ? null : html` <a href=${href(line.to.view, line.to.value)}>${line.to.label}</a>`}
              </span>
            </li>`,
        )}
      </ol>
    </details>
  </li>`;
}
