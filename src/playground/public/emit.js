/** Sends: a broadcast through the HTTP API, and any event to the server, a room, a user or everyone. */
import { BASE, pathOf } from './base.js';
import { byId, copyButton, el, optional, say } from './dom.js';
import { parseArgs, show, showError } from './values.js';

const MESSAGE = { event: 'message', args: '["Hello World kese ho"]' };
const INFO = { event: 'socket:info', args: '[]' };

/** For each target: what its name field asks for, and where it sends. */
const TARGETS = {
  server: { via: 'socket' },
  room: { via: 'room', label: 'Room' },
  'http-all': { via: 'http', to: () => ({ all: true }) },
  'http-room': { via: 'http', label: 'Room', to: (name) => ({ rooms: [name] }) },
  'http-user': { via: 'http', label: 'User', to: (name) => ({ users: [name] }) },
  'http-socket': { via: 'http', label: 'Socket ID', to: (name) => ({ sockets: [name] }) },
};

/** `POST /v1/emit` as a backend sends it; resolves with the answer, rejects with the problem document. */
async function publish(body) {
  const key = optional('api-key')?.value.trim();
  const response = await fetch(pathOf('v1/emit'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({ message: `HTTP ${response.status}` }));
  if (!response.ok) throw answer;
  return answer;
}

const reached = ({ id, matched }) =>
  `Accepted: ${matched === 1 ? '1 socket' : `${matched} sockets`} matched, id ${id}`;

export class Emitter {
  #connection;
  #context;
  #target = byId('emit-target');
  #to = byId('emit-to');
  #event = byId('emit-event');
  #args = byId('emit-args');
  #answer = byId('emit-ack');

  /** `context()` tells the user and room that the page is at, to fill the name field with. */
  constructor(connection, context) {
    this.#connection = connection;
    this.#context = context;
    byId('broadcast-form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#broadcast();
    });
    byId('emit-form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#emit();
    });
    this.#target.addEventListener('change', () => this.#retarget());
    this.#args.addEventListener('input', () => this.#checkArgs());
    for (const field of [this.#target, this.#to, this.#event, this.#args, byId('broadcast-text')]) {
      field.addEventListener('input', () => this.#drawRequest());
    }
    copyButton(byId('curl-copy'), () => byId('curl').textContent);
    this.#retarget();
  }

  async #broadcast() {
    const output = byId('broadcast-result');
    say(output, 'Sending…', 'wait');
    try {
      const text = byId('broadcast-text').value;
      say(output, reached(await publish({ to: { all: true }, event: 'message', args: [text] })), 'ok');
    } catch (error) {
      say(output, showError(error), 'bad');
    }
  }

  async #emit() {
    const args = this.#checkArgs();
    if (args === undefined) return this.#args.focus();
    const event = this.#event.value.trim();
    if (event === '') {
      say(this.#answer, 'Name an event first.', 'bad');
      return this.#event.focus();
    }
    const target = TARGETS[this.#target.value];
    const name = this.#to.value.trim();
    if (target.label !== undefined && name === '') {
      say(this.#answer, `${target.label}: name one first.`, 'bad');
      return this.#to.focus();
    }
    say(this.#answer, 'Waiting for the answer…', 'wait');
    try {
      await this.#send(target, name, event, args);
    } catch (error) {
      say(this.#answer, showError(error instanceof Error ? error.message : error), 'bad');
    }
  }

  async #send(target, name, event, args) {
    if (target.via === 'http') {
      say(this.#answer, reached(await publish({ to: target.to(name), event, args })), 'ok');
    } else if (target.via === 'room') {
      const echo = byId('emit-echo').checked;
      const answer = await this.#connection.request('room:emit', { room: name, event, args, echo });
      say(this.#answer, `Acknowledged: ${show(answer, 2)}`, 'ok');
    } else {
      const answer = await this.#connection.ask(event, ...args);
      const failed = answer[0]?.ok === false;
      const text = failed ? showError(answer[0].error) : answer.map((value) => show(value, 2)).join(',\n');
      say(this.#answer, `${failed ? 'Answered' : 'Acknowledged'}: ${text}`, failed ? 'bad' : 'ok');
    }
  }

  /** Validates the argument field where it stands; returns the arguments or undefined. */
  #checkArgs() {
    const { args, problem } = parseArgs(this.#args.value);
    byId('emit-args-problem').textContent = problem ?? '';
    this.#args.setAttribute('aria-invalid', String(problem !== undefined));
    return args;
  }

  /** Fills in what fits the new target, but never over something typed. */
  #retarget() {
    const target = TARGETS[this.#target.value];
    const { user, room, socketId } = this.#context();
    this.#to.disabled = target.label === undefined;
    byId('emit-to-label').textContent = target.label ?? 'Name';
    const known = { Room: room, User: user, 'Socket ID': socketId };
    this.#to.value = known[target.label] ?? '';
    byId('emit-echo').disabled = target.via !== 'room';

    const [from, to] = target.via === 'socket' ? [MESSAGE, INFO] : [INFO, MESSAGE];
    if (this.#event.value === from.event && this.#args.value === from.args) {
      this.#event.value = to.event;
      this.#args.value = to.args;
    }
    this.#checkArgs();
    this.#drawRequest();
  }

  /** The same publication as a backend would send it. */
  #drawRequest() {
    const target = TARGETS[this.#target.value];
    const broadcast = target.via === 'socket';
    const { args } = broadcast ? { args: [byId('broadcast-text').value] } : parseArgs(this.#args.value);
    const name = this.#to.value.trim();
    const to =
      target.via === 'http' ? target.to(name) : target.via === 'room' ? { rooms: [name] } : { all: true };
    const body = { to, event: broadcast ? 'message' : this.#event.value, args: args ?? [] };
    const secured = document.body.dataset.mode === 'secured';
    const lines = [
      `curl -X POST ${new URL('v1/emit', BASE)}`,
      ...(secured ? ['  -H "authorization: Bearer $API_KEY"'] : []),
      "  -H 'content-type: application/json'",
      `  -d '${JSON.stringify(body).replaceAll("'", String.raw`'\''`)}'`,
    ];
    byId('curl').replaceChildren(el('span', {}, lines.join(' \\\n')));
  }
}
