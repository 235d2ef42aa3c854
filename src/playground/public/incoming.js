/** What the server sends, the newest on top. */
import { byId, el, prependCapped, timeTag } from './dom.js';
import { showArgs } from './values.js';

const MAX_ENTRIES = 300;

/** Sent by the gateway itself; the rest comes from other clients and from backends. */
const NOTICES = new Set(['exception', 'server:disconnect', 'room:presence', 'auth:expiring']);

const ORIGINS = {
  replayed: 'Sent while this client was away',
  history: 'Kept by the room, asked for with room:history',
};

export class Incoming {
  #list = byId('events');
  #empty = byId('events-empty');
  #count = byId('events-count');
  #total = 0;

  constructor() {
    byId('events-clear').addEventListener('click', () => this.clear());
  }

  /** `origin`: `replayed` for what was missed, `history` for what was asked for. */
  add({ event, args, answered, origin }) {
    this.#total += 1;
    this.#count.textContent = String(this.#total);
    this.#empty.hidden = true;
    const notice = NOTICES.has(event);
    const entry = el(
      'li',
      {
        class: 'entry',
        'data-event': event,
        'data-notice': notice ? 'true' : undefined,
        'data-origin': origin,
      },
      timeTag(),
      el(
        'span',
        { class: 'entry-head' },
        el('strong', {}, event),
        notice ? el('span', { class: 'badge' }, 'gateway') : null,
        origin === undefined ? null : el('span', { class: 'badge', title: ORIGINS[origin] }, origin),
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
