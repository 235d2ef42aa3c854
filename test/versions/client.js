/** A stock client of one of two nodes, and what it hears. */
import { setTimeout as pause } from 'node:timers/promises';
import { SignJWT } from 'jose';
import { io } from 'socket.io-client';
import { Different, same, WAIT_MS } from './expectations.js';

export const SECRET = 'the secret of two nodes of two builds';

export const signed = (claims) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(SECRET));

/** A stock client that keeps all it hears. */
export class Client {
  heard = [];

  constructor(
    node,
    {
      user,
      recovery = true,
      token,
      caps = [{ room: '*', allow: ['join', 'emit', 'presence', 'history'] }],
      info,
    },
  ) {
    this.user = user;
    this.token = token ?? signed({ sub: user, caps, info });
    this.socket = io(node.url, {
      auth: (give) => void this.token.then((text) => give({ token: text, recovery })),
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
    });
    for (const name of ['connect', 'disconnect']) this.socket.on(name, (...args) => this.hear(name, args));
    this.socket.on('connect_error', (error) => this.hear('refused', [error.data ?? error.message]));
    this.socket.onAny((name, ...args) => this.hear(name, args));
  }

  hear(name, args) {
    this.heard.push({ name, args });
  }

  /** @returns {Promise<Client>} */
  static async on(node, options) {
    const client = new Client(node, options);
    await client.next('connect');
    return client;
  }

  get id() {
    return this.socket.id;
  }

  /** Takes the first of that name out of what it has heard, or waits for it. */
  async next(name) {
    const over = performance.now() + WAIT_MS;
    for (;;) {
      const at = this.heard.findIndex((each) => each.name === name);
      if (at >= 0) return this.heard.splice(at, 1)[0].args;
      if (performance.now() > over)
        throw new Different(`${this.user} heard no ${name}, but ${JSON.stringify(this.heard)}`);
      await pause(5);
    }
  }

  /** All of that name that it has heard, without the cursors that recovery adds. */
  all(name) {
    return this.heard.filter((each) => each.name === name).map(({ args }) => args.slice(0, 1)[0]);
  }

  async ask(event, payload) {
    const answer = await this.socket
      .timeout(WAIT_MS)
      .emitWithAck(event, ...(payload === undefined ? [] : [payload]));
    if (!answer.ok) throw new Different(`${event} is answered ${JSON.stringify(answer.error)}`);
    return answer;
  }

  join(room, more = {}) {
    return this.ask('room:join', { room, ...more });
  }

  /** Its connection breaks without a word. */
  async breakOff() {
    this.socket.io.engine.transport.ws.terminate();
    await this.next('disconnect');
  }

  /** Connects again, to that node. @returns {Promise<boolean>} whether it is the same socket */
  async comeBackTo(node) {
    this.socket.io.uri = node.url;
    this.socket.connect();
    await this.next('connect');
    return this.socket.recovered;
  }

  close() {
    this.socket.disconnect();
  }
}

/** Everyone hears it once and in order, or it fails; what comes last of all tells that nothing more comes. */
export async function hears(client, should) {
  const heard = [];
  while (heard.length < should.length) heard.push((await client.next('told'))[0]);
  same(`what ${client.user} hears`, heard, should);
}

/** Nothing more has come, up to what is published to it now. */
export async function hearsNoMore(client, nodes) {
  for (const node of nodes) {
    await node.ask('POST', '/emit', { to: { sockets: [client.id] }, event: 'fence' });
    await client.next('fence');
  }
  same(`what ${client.user} still hears`, client.all('told'), []);
}
