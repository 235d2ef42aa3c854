/** Small tools for the page. Text from anybody is only ever set as text, never as HTML. */
import { did } from './latest.js';

/** The element with this ID; a missing one is a mistake in the view. */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`no element #${id}`);
  return element;
}

/** The element with this ID, or null where the gateway's mode leaves it out. */
export const optional = (id) => document.getElementById(id);

/** Makes an element: `el('li', { class: 'row', title: 'x' }, 'text', child)`. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

/** A one-line status under a form: `tone` is `ok`, `bad` or `wait`. */
export function say(output, text, tone = '') {
  output.textContent = text;
  output.dataset.tone = tone;
  if (tone === 'ok' || tone === 'bad') did(text, tone);
}

/** Marks a button as unavailable but keeps it in the tab order, so that focus is not lost while it changes. */
export function setAvailable(button, available) {
  button.setAttribute('aria-disabled', String(!available));
}

export const isAvailable = (button) => button.getAttribute('aria-disabled') !== 'true';

const twoDigits = (value) => String(value).padStart(2, '0');

/** Local wall time with milliseconds. */
export const clock = (date) =>
  `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}` +
  `.${String(date.getMilliseconds()).padStart(3, '0')}`;

export function timeTag(date = new Date()) {
  return el('time', { datetime: date.toISOString() }, clock(date));
}

/** Adds to the top of a list and lets its oldest entries go, so that a long session stays light. */
export function prependCapped(list, item, cap) {
  list.prepend(item);
  while (list.children.length > cap) list.lastElementChild.remove();
}

/** Copies text; asks the selection where the clipboard is closed, as it is on plain HTTP away from loopback. */
export async function copyText(text) {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not permitted: try the old way.
    }
  }
  const area = el('textarea', { class: 'off-screen', readonly: true, 'aria-hidden': 'true', tabindex: '-1' });
  area.value = text;
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  focused?.focus();
  return copied;
}

/** Makes a button copy what `read` returns and say so for a moment. */
export function copyButton(button, read) {
  const label = button.textContent;
  let timer;
  button.addEventListener('click', async () => {
    const text = read();
    if (!text) return;
    button.textContent = (await copyText(text)) ? 'Copied' : 'Not copied';
    clearTimeout(timer);
    timer = setTimeout(() => (button.textContent = label), 1_500);
  });
}
