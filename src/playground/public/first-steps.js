/** The way that a newcomer goes: three steps, the code of each beside it, and whether it was done. */
import { BASE } from './base.js';
import { byId, optional } from './dom.js';

const STEPS = ['window', 'broadcast', 'break'];
const STORED_AS = 'switchboard.path';

export class FirstSteps {
  #path = byId('path');
  #done = new Set();
  #connection;

  /** `breakTransport()` says whether there was something to break. */
  constructor(connection) {
    this.#connection = connection;
    this.#path.open = wasOpen();
    this.#path.addEventListener('toggle', () => remember(this.#path.open));
    byId('step-window-go').addEventListener('click', () =>
      this.#finish('window', 'Now there are two sockets.'),
    );
    byId('step-broadcast-go').addEventListener('click', () => this.#broadcast());
    byId('step-break-go').addEventListener('click', () => {
      if (!connection.breakTransport())
        byId('step-break-seen').textContent = 'There is no connection to break.';
    });
  }

  /** Writes the code of each step for this client and this socket. */
  draw({ generation, socketId }) {
    const secured = document.body.dataset.mode === 'secured';
    const who = secured ? 'token' : "user: 'ada'";
    const identity = generation === 'v2' ? `query: { ${who} }` : `auth: { ${who} }`;
    const origin = BASE.href.replace(/\/$/, '');
    const path = BASE.pathname === '/' ? '' : `, path: '${BASE.pathname}socket.io'`;
    const header = secured ? ' \\\n  -H "authorization: Bearer $API_KEY"' : '';
    const json = " \\\n  -H 'content-type: application/json'";
    const listener = generation === 'v2' ? 'socket' : 'socket.io';
    const code = {
      'window-js': `const socket = io('${location.origin}', {\n  ${identity}${path},\n});`,
      'window-curl': `curl ${origin}/v1/stats${header}\n# {"sockets":2,…}`,
      'broadcast-js': "socket.on('message', (text) => {\n  console.log(text);\n});",
      'broadcast-curl': `curl ${origin}/v1/emit${header}${json} \\\n  -d '{"to": {"all": true}, "event": "message", "data": "hello"}'`,
      'break-js': `socket.on('disconnect', (reason) => …);\n${listener}.on('reconnect', () => …);`,
      'break-curl': `curl -X DELETE '${origin}/v1/sockets/${socketId ?? '<socket ID>'}?reconnect=true'${header}`,
    };
    for (const [name, text] of Object.entries(code)) byId(`step-${name}`).textContent = text;
  }

  /** Takes what happened, to tick off what it shows. */
  hear(event) {
    if (event === 'message') this.#finish('broadcast', 'It has arrived: see “Received”.');
    if (event === 'reconnect') this.#finish('break', 'The client came back by itself.');
  }

  #broadcast() {
    const key = optional('api-key');
    if (key !== null && key.value.trim() === '') {
      byId('step-broadcast-seen').textContent = 'It needs an API key with the scope emit: give one below.';
      key.focus();
      return;
    }
    if (!this.#connection.connected) {
      byId('step-broadcast-seen').textContent = 'This window is not connected and will not get it.';
    }
    byId('broadcast-form').requestSubmit();
  }

  #finish(step, seen) {
    byId(`step-${step}`).dataset.done = 'true';
    byId(`step-${step}-seen`).textContent = seen;
    this.#done.add(step);
    byId('path-done').textContent = `${this.#done.size} of ${STEPS.length} done`;
  }
}

function wasOpen() {
  try {
    return localStorage.getItem(STORED_AS) !== 'closed';
  } catch {
    return true; // Storage may be switched off.
  }
}

function remember(isOpen) {
  try {
    localStorage.setItem(STORED_AS, isOpen ? 'open' : 'closed');
  } catch {
    // See above.
  }
}
