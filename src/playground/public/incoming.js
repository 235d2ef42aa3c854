/** What the server sends, the newest on top. */
import { byId, el, prependCapped, timeTag } from './dom.js';
import { showArgs } from './values.js';

const MAX_ENTRIES = 300;

/** Sent by the gateway itself; the rest comes from other clients and from backends. */
const NOTICES = new Set(['exception', 'server:disconnect', 'room:presence', 'auth:expiring']);

export class Incoming {
  #list = byId('events');
  #empty = byId('events-empty');
  #count = byId('events-count');
  #total = 0;

  constructor() {
    byId('events-clear').addEventListener('click', () => this.clear());
  }

  add({ event, args, answered }) {
    this.#total += 1;
    this.#count.textContent = String(this.#total);
    this.#empty.hidden = true;
    const notice = NOTICES.has(event);
    const entry = el(
      'li',
      { class: 'entry', 'data-event': event, 'data-notice': notice ? 'true' : undefined },
      timeTag(),
      el(
        'span',
        { class: 'entry-head' },
        el('strong', {}, event),
        notice ? el('span', { class: 'badge' }, 'gateway') : null,
        answered
          ? el(
              'span',
              { class: 'badge', title: 'The sender asked for an acknowledgement and got {ok: true}' },
              'answered',
            )
          : null,
      ),
      args.length === 0 ? null : el('code', { class: 'entry-args' }, showArgs(args)),
    );
    prependCapped(this.#list, entry, MAX_ENTRIES);
  }

  clear() {
    this.#total = 0;
    this.#count.textContent = '0';
    this.#list.replaceChildren();
    this.#empty.hidden = false;
  }
}
