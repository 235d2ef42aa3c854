/** The libraries of the page under one roof: `html` makes what Preact draws. Text is only ever text, never HTML. */
import htm from './modules/htm.js';
import { h } from './modules/preact.js';

export { render } from './modules/preact.js';
export { useEffect, useLayoutEffect, useRef, useState } from './modules/preact-hooks.js';
export { batch, computed, effect, signal } from './modules/signals.js';

const bound = htm.bind(h);
const collapsed = new WeakMap();

/** White space means what it means in HTML, where htm would drop line breaks: a template can be wrapped anywhere. */
export function html(parts, ...values) {
  let known = collapsed.get(parts);
  if (known === undefined) {
    known = [...parts];
    known[0] = known[0].replace(/^\s*\n\s*/, '');
    known[known.length - 1] = known.at(-1).replace(/\s*\n\s*$/, '');
    known = known.map((part) => part.replace(/\s*\n\s*/g, ' '));
    collapsed.set(parts, known);
  }
  return bound(known, ...values);
}
