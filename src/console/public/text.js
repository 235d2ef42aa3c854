/** Values as words: names that may be hostile, times, spans, sizes. */
import { html } from './html.js';

/** Characters that are not seen, or turn around what stands beside them: shown by their number. */
const UNSEEN =
  // oxlint-disable-next-line no-control-regex, no-misleading-character-class
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/;

const LONGEST = 96;

/** Long text keeps its two ends: names often differ at the last character. No character is cut in half. */
function shortened(text, longest) {
  if (text.length <= longest) return { head: text, tail: undefined };
  const half = Math.floor(longest / 2);
  return {
    head: text.slice(0, half).replace(/[\ud800-\udbff]$/, ''),
    tail: text.slice(-half).replace(/^[\udc00-\udfff]/, ''),
  };
}

const visible = (text) =>
  text
    .split(new RegExp(`(${UNSEEN.source})`))
    .map((part) =>
      UNSEEN.test(part)
        ? html`<span class="unseen"
            >U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}</span
          >`
        : part,
    );

/** A name or any other text from outside: as text, on its own in both directions of writing, never endless. */
export function Name({ value, longest = LONGEST, mono = false }) {
  const text = String(value);
  const { head, tail } = shortened(text, longest);
  const title = tail === undefined ? undefined : `${text.slice(0, 2_000)} (${text.length} characters)`;
  const shown = tail === undefined ? visible(head) : [visible(head), cutMark(text), visible(tail)];
  return html`<bdi class=${mono ? 'name mono' : 'name'} title=${title}>${shown}</bdi>`;
}

const cutMark = ({ length }) => html`<span class="cut">… ${length} characters …</span>`;

/** JSON as a backend would see it, not endless. */
export const Json = ({ value }) => html`<${Name} value=${JSON.stringify(value) ?? ''} longest=${400} mono />`;

const two = (value) => String(value).padStart(2, '0');

/** Local wall time; with the day when it is not today's. */
export function timeText(at, now = Date.now()) {
  const date = new Date(at);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const isToday = date.toDateString() === new Date(now).toDateString();
  return isToday ? time : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

export const Time = ({ at }) =>
  html`<time datetime=${new Date(at).toISOString()} title=${new Date(at).toISOString()}
    >${timeText(at)}</time
  >`;

/** A span of time for people: 850 ms, 12 s, 3 min 5 s, 2 h 10 min, 3 days. */
export function span(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const s = Math.round(ms / 1_000);
  if (s < 10) return `${Math.round(ms / 100) / 10} s`;
  if (s < 120) return `${s} s`;
  if (s < 3_600) return s % 60 === 0 ? `${s / 60} min` : `${Math.floor(s / 60)} min ${s % 60} s`;
  const min = Math.round(s / 60);
  if (min < 48 * 60) return min % 60 === 0 ? `${min / 60} h` : `${Math.floor(min / 60)} h ${min % 60} min`;
  return `${Math.round(min / 1_440)} days`;
}

export function size(bytes) {
  if (bytes < 10_000) return times(Math.round(bytes), 'byte');
  if (bytes < 10_000_000) return `${Math.round(bytes / 1_000)} kB`;
  return `${Math.round(bytes / 1_000_000)} MB`;
}

export const times = (count, one, many = `${one}s`) =>
  count === 1 ? `1 ${one}` : `${number(count)} ${many}`;

/** Thousands apart, so that 100000 can be read. */
export const number = (value) =>
  Number.isInteger(value)
    ? String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f')
    : value >= 100
      ? number(Math.round(value))
      : String(Math.round(value * 100) / 100);

/** `transport_close` as words; a code such as `payload.too_large` stays as it is. */
export const words = (code) => (code.includes('.') ? code : code.replaceAll('_', ' '));

/** Which browser and system a user agent names; the whole text stands in the title of what shows it. */
export function agentText(userAgent) {
  if (!userAgent) return 'an unnamed client';
  const browser =
    [
      ['Edg/', 'Edge'],
      ['OPR/', 'Opera'],
      ['Firefox/', 'Firefox'],
      ['HeadlessChrome/', 'headless Chrome'],
      ['Chrome/', 'Chrome'],
      ['Safari/', 'Safari'],
      ['AppleWebKit/', 'a WebKit app'],
      ['okhttp', 'OkHttp'],
      ['python', 'Python'],
      ['node', 'Node.js'],
    ].find(([mark]) => userAgent.includes(mark))?.[1] ?? userAgent.slice(0, 40);
  const system = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS X', 'Linux'].find((mark) =>
    userAgent.includes(mark),
  );
  return system === undefined ? browser : `${browser} on ${system}`;
}
