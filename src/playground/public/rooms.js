/** Rooms this socket is in, who else is there, and what they keep. */
import { byId, el, say } from './dom.js';
import { show, showError } from './values.js';

const PAGE_SIZE = 20;
const HISTORY_SIZE = 20;

export class Rooms {
  #connection;
  #onSelect;
  #onPublication;
  #user = '';
  #joined = [];
  /** What the page joined itself and wants back after a reconnect, where the new socket is in no room. */
  #wanted = new Set();
  #selected;
  #next = null;
  #shown = 0;
  #total = 0;
  #rejoining = false;
  /** Rooms whose presence is told; the others are asked for every few seconds. */
  #watched = new Set();
  /** Where this page is in rooms joined with positions: from here it goes on when its socket is a new one. [H5] */
  #positions = new Map();

  #name = byId('room-name');
  #status = byId('room-status');
  #list = byId('rooms');
  #empty = byId('rooms-empty');
  #members = byId('members');
  #title = byId('members-title');
  #more = byId('members-more');
  #meta = byId('room-meta');

  constructor(connection, { onSelect, onPublication }) {
    this.#connection = connection;
    this.#onSelect = onSelect;
    this.#onPublication = onPublication;
    byId('room-form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#join(this.#name.value.trim());
    });
    byId('room-leave').addEventListener('click', () => void this.#leave(this.#name.value.trim()));
    byId('room-history').addEventListener('click', () => void this.#readHistory(this.#name.value.trim()));
    byId('members-refresh').addEventListener('click', () => void this.#loadMembers());
    this.#more.addEventListener('click', () => void this.#loadMembers(this.#next));
    this.#drawRooms();
  }

  /** Takes what the gateway says about this socket; asked for after each connect and every few seconds. */
  async sync({ user, rooms }, afterConnect) {
    this.#user = user;
    this.#joined = [...rooms];
    if (afterConnect) {
      // A recovered socket goes on watching; a new one watches nothing.
      if (!this.#connection.recovered) this.#watched.clear();
      const missing = [...this.#wanted].filter((room) => !rooms.includes(room));
      this.#rejoining = true;
      for (const room of missing) await this.#join(room, `Joined ${room} again.`);
      this.#rejoining = false;
    } else if (!this.#rejoining) {
      for (const room of this.#wanted) if (!rooms.includes(room)) this.#wanted.delete(room);
    }
    this.#drawRooms();
    if (!afterConnect) return;
    if (this.#selected === undefined) this.#drawMembers([], 0);
    else await this.#loadMembers();
  }

  /** A socket that is gone is in no room. */
  lost() {
    this.#joined = [];
    this.#next = null;
    this.#drawRooms();
    this.#drawMembers([], 0, 'Not connected');
  }

  /** Takes from what arrives where the page is and who comes and goes. [H5] [M4] */
  hear({ event, args }) {
    if (event === 'room:presence') return this.#follow(args[0]);
    const place = args.at(-1);
    if (this.#positions.has(place?.room)) this.#note(place.room, place);
  }

  /** Called every few seconds while the page is looked at: for rooms whose presence is not told. */
  refresh() {
    if (this.#watched.has(this.#selected)) return;
    if (this.#selected !== undefined && this.#joined.length > 0) void this.#loadMembers();
  }

  async #join(room, done = `Joined ${room}.`) {
    if (room === '') return say(this.#status, 'Name a room first.', 'bad');
    let caughtUp;
    try {
      caughtUp = await this.#enter(room);
    } catch (error) {
      return say(this.#status, `${room}: ${showError(error)}`, 'bad');
    }
    this.#wanted.add(room);
    if (!this.#joined.includes(room)) this.#joined.push(room);
    say(this.#status, caughtUp ?? done, 'ok');
    this.#drawRooms();
    this.#select(room);
  }

  /** Joins with what the page knows and wants; resolves with what there is to say about what was missed. */
  async #enter(room) {
    const since = this.#positions.get(room);
    const place = this.#meta.checked || since ? { meta: true, ...(since && { since }) } : {};
    const answer = await this.#joinAndWatch({ room, ...place });
    if (place.meta) this.#note(room, answer);
    if (since === undefined) return undefined;
    if (!answer.recovered) return `Joined ${room} again; what was missed is not kept any longer.`;
    for (const publication of answer.publications) this.#onPublication(publication, 'replayed');
    return `Joined ${room} again, ${answer.publications.length} replayed.`;
  }

  /** Who may join a room may not always see who is there. */
  async #joinAndWatch(payload) {
    try {
      const answer = await this.#connection.request('room:join', { ...payload, presence: true });
      this.#watched.add(payload.room);
      return answer;
    } catch (error) {
      if (error?.code !== 'access.denied') throw error;
      return this.#connection.request('room:join', payload);
    }
  }

  #note(room, { epoch, offset }) {
    this.#positions.set(room, { epoch, offset });
  }

  async #readHistory(room) {
    if (room === '') return say(this.#status, 'Name a room first.', 'bad');
    let answer;
    try {
      answer = await this.#connection.request('room:history', { room, limit: HISTORY_SIZE });
    } catch (error) {
      return say(this.#status, `${room}: ${showError(error)}`, 'bad');
    }
    const { publications, offset } = answer;
    for (const publication of publications) this.#onPublication(publication, 'history');
    say(this.#status, `${room} keeps ${publications.length} of ${offset} here.`, 'ok');
  }

  #follow({ room, joined, left }) {
    if (room !== this.#selected || !this.#watched.has(room)) return;
    for (const { user, info } of joined) {
      if (this.#rowOf(user)) continue;
      this.#members.append(this.#memberRow({ user, info, sockets: 1 }));
      this.#total += 1;
    }
    for (const user of left) {
      const row = this.#rowOf(user);
      if (row) this.#shown -= 1;
      row?.remove();
      this.#total -= 1;
    }
    this.#drawTitle();
  }

  #rowOf(user) {
    return [...this.#members.children].find((row) => row.dataset.user === user);
  }

  async #leave(room) {
    if (room === '') return say(this.#status, 'Name a room first.', 'bad');
    try {
      await this.#connection.request('room:leave', { room });
    } catch (error) {
      return say(this.#status, `${room}: ${showError(error)}`, 'bad');
    }
    this.#wanted.delete(room);
    this.#watched.delete(room);
    this.#positions.delete(room);
    this.#joined = this.#joined.filter((joined) => joined !== room);
    say(this.#status, `Left ${room}.`, 'ok');
    this.#drawRooms();
    this.#select(room);
  }

  #select(room) {
    this.#selected = room;
    this.#name.value = room;
    this.#onSelect(room);
    this.#drawRooms();
    void this.#loadMembers();
  }

  async #loadMembers(cursor = null) {
    const room = this.#selected;
    if (room === undefined) return;
    let answer;
    try {
      answer = await this.#connection.request('room:members', {
        room,
        limit: PAGE_SIZE,
        ...(cursor === null ? {} : { cursor }),
      });
    } catch (error) {
      if (room === this.#selected) this.#drawMembers([], 0, showError(error));
      return;
    }
    if (room !== this.#selected) return;
    this.#next = answer.next;
    this.#drawMembers(answer.members, answer.total, undefined, cursor !== null);
  }

  #drawRooms() {
    this.#empty.hidden = this.#joined.length > 0;
    // Redrawn only when it changed: a poll must not take the focus from a chip.
    const wanted = JSON.stringify([this.#joined, this.#selected]);
    if (this.#list.dataset.drawn === wanted) return;
    this.#list.dataset.drawn = wanted;
    this.#list.replaceChildren(
      ...this.#joined.map((room) => {
        const button = el(
          'button',
          {
            type: 'button',
            class: 'chip',
            'data-room': room,
            'aria-pressed': String(room === this.#selected),
          },
          room,
        );
        button.addEventListener('click', () => this.#select(room));
        return el('li', {}, button);
      }),
    );
  }

  #drawMembers(members, total, problem, append = false) {
    const rows = members.map((member) => this.#memberRow(member));
    if (append) this.#members.append(...rows);
    else this.#members.replaceChildren(...rows);
    this.#shown = append ? this.#shown + rows.length : rows.length;
    this.#total = total;
    this.#drawTitle(problem);
    const more = problem === undefined && this.#next !== null && this.#next !== undefined;
    this.#more.hidden = !more || this.#shown === 0;
  }

  #drawTitle(problem) {
    const room = this.#selected;
    byId('members-part').hidden = room === undefined;
    this.#title.textContent =
      problem ?? (room === undefined ? 'No room chosen' : `${this.#total} in ${room}`);
  }

  #memberRow({ user, info, sockets }) {
    const isMe = user === this.#user;
    return el(
      'li',
      { 'data-user': user },
      el('span', { class: 'member-name' }, user, isMe ? el('span', { class: 'you' }, 'you') : null),
      el('span', { class: 'muted member-info' }, info === undefined || info === null ? '' : show(info)),
      el('span', { class: 'muted member-sockets' }, sockets === 1 ? '1 socket' : `${sockets} sockets`),
    );
  }
}
