/** Rooms this socket is in, and who else is there. */
import { byId, el, say } from './dom.js';
import { show, showError } from './values.js';

const PAGE_SIZE = 20;

export class Rooms {
  #connection;
  #onSelect;
  #user = '';
  #joined = [];
  /** What the page joined itself and wants back after a reconnect, where the new socket is in no room. */
  #wanted = new Set();
  #selected;
  #next = null;
  #shown = 0;
  #rejoining = false;

  #name = byId('room-name');
  #status = byId('room-status');
  #list = byId('rooms');
  #empty = byId('rooms-empty');
  #members = byId('members');
  #title = byId('members-title');
  #more = byId('members-more');

  constructor(connection, onSelect) {
    this.#connection = connection;
    this.#onSelect = onSelect;
    byId('room-form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#join(this.#name.value.trim());
    });
    byId('room-leave').addEventListener('click', () => void this.#leave(this.#name.value.trim()));
    byId('members-refresh').addEventListener('click', () => void this.#loadMembers());
    this.#more.addEventListener('click', () => void this.#loadMembers(this.#next));
    this.#drawRooms();
  }

  /** Takes what the gateway says about this socket; asked for after each connect and every few seconds. */
  async sync({ user, rooms }, afterConnect) {
    this.#user = user;
    this.#joined = [...rooms];
    if (afterConnect) {
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

  /** Others come and go: called every few seconds while the page is looked at. */
  refresh() {
    if (this.#selected !== undefined && this.#joined.length > 0) void this.#loadMembers();
  }

  async #join(room, done = `Joined ${room}.`) {
    if (room === '') return say(this.#status, 'Name a room first.', 'bad');
    try {
      await this.#connection.request('room:join', { room });
    } catch (error) {
      return say(this.#status, `${room}: ${showError(error)}`, 'bad');
    }
    this.#wanted.add(room);
    if (!this.#joined.includes(room)) this.#joined.push(room);
    say(this.#status, done, 'ok');
    this.#drawRooms();
    this.#select(room);
  }

  async #leave(room) {
    if (room === '') return say(this.#status, 'Name a room first.', 'bad');
    try {
      await this.#connection.request('room:leave', { room });
    } catch (error) {
      return say(this.#status, `${room}: ${showError(error)}`, 'bad');
    }
    this.#wanted.delete(room);
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
    const rows = members.map(({ user, info, sockets }) =>
      el(
        'li',
        { 'data-user': user },
        el(
          'span',
          { class: 'member-name' },
          user,
          user === this.#user ? el('span', { class: 'you' }, 'you') : null,
        ),
        el('span', { class: 'muted member-info' }, info === undefined || info === null ? '' : show(info)),
        el('span', { class: 'muted member-sockets' }, sockets === 1 ? '1 socket' : `${sockets} sockets`),
      ),
    );
    if (append) this.#members.append(...rows);
    else this.#members.replaceChildren(...rows);
    this.#shown = append ? this.#shown + rows.length : rows.length;
    const room = this.#selected;
    this.#title.textContent = problem ?? (room === undefined ? 'No room chosen' : `${total} in ${room}`);
    const more = problem === undefined && this.#next !== null && this.#next !== undefined;
    this.#more.hidden = !more || this.#shown === 0;
  }
}
