/** Shows the nine events as lamps with counters, and everything that happened as a time line. */
import { byId, el, prependCapped, timeTag } from './dom.js';
import { LIFECYCLE_EVENTS, originNote, originOf } from './lifecycle.js';
import { showArgs } from './values.js';

const MAX_ENTRIES = 300;

const BADGES = { socket: 'socket', manager: 'Manager', derived: 'derived' };

const badge = (origin) =>
  el('span', { class: 'badge', 'data-origin': origin.kind, title: origin.text }, BADGES[origin.kind]);

export class LifecyclePanel {
  #timeline = byId('timeline');
  #empty = byId('timeline-empty');
  #note = byId('lifecycle-note');

  constructor() {
    byId('timeline-clear').addEventListener('click', () => this.clear());
  }

  /** Tells for each event where the chosen generation takes it from. */
  describe(generation) {
    this.#note.textContent = originNote(generation);
    for (const event of LIFECYCLE_EVENTS) {
      const lamp = byId(`lifecycle-${event}`);
      const origin = originOf(generation, event);
      lamp.dataset.origin = origin.kind;
      const mark = lamp.querySelector('.badge');
      mark.dataset.origin = origin.kind;
      mark.textContent = BADGES[origin.kind];
      mark.title = origin.text;
    }
  }

  /** Counts one event and adds it to the time line. */
  add({ event, args, attempt, origin }, client) {
    const lamp = byId(`lifecycle-${event}`);
    const count = Number(lamp.dataset.count) + 1;
    lamp.dataset.count = String(count);
    lamp.querySelector('.count').textContent = String(count);
    flash(lamp);

    this.#empty.hidden = true;
    const entry = el(
      'li',
      { class: 'entry', 'data-event': event, 'data-origin': origin.kind },
      timeTag(),
      el(
        'span',
        { class: 'entry-head' },
        el('strong', {}, event),
        attempt === undefined ? null : el('span', { class: 'attempt' }, `attempt ${attempt}`),
        origin.kind === 'derived' ? badge(origin) : null,
        el('span', { class: 'muted' }, client),
      ),
      args.length === 0 ? null : el('code', { class: 'entry-args' }, showArgs(args)),
    );
    prependCapped(this.#timeline, entry, MAX_ENTRIES);
  }

  clear() {
    this.#timeline.replaceChildren();
    this.#empty.hidden = false;
    for (const event of LIFECYCLE_EVENTS) {
      const lamp = byId(`lifecycle-${event}`);
      lamp.dataset.count = '0';
      lamp.querySelector('.count').textContent = '0';
    }
  }
}

/** Lights a lamp for a moment; starts anew when the event repeats. */
function flash(lamp) {
  lamp.classList.remove('lit');
  void lamp.offsetWidth; // Without a layout in between, the browser would not restart the animation.
  lamp.classList.add('lit');
}
