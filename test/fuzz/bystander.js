/** Clients that behave while others do not: they are published numbers to, and have to get all of them in order. */
import { createRequire } from 'node:module';
import { io } from 'socket.io-client';
import { API_KEY, tokenOf } from './credentials.js';

const require = createRequire(import.meta.url);
const io2 = require('socket.io-client-v2');

const EVENT = 'bystander:number';
const CONNECT_TIMEOUT_MS = 10_000;

class Bystander {
  numbers = [];
  ended = undefined;

  constructor(socket, label) {
    this.label = label;
    this.socket = socket;
    this.connected = new Promise((resolve, reject) => {
      socket.on('connect', resolve);
      setTimeout(() => reject(new Error(`${label} did not connect`)), CONNECT_TIMEOUT_MS).unref();
    });
    socket.on(EVENT, (number) => {
      this.numbers.push(number);
      if (number === this.awaited) this.arrived();
    });
    socket.on('disconnect', (reason) => (this.ended ??= reason));
  }

  /** Resolves when this number has come. */
  until(number) {
    return new Promise((resolve) => {
      this.arrived = resolve;
      this.awaited = number;
      if (this.numbers.at(-1) === number || this.ended) resolve();
    });
  }
}

/** The bystanders of one gateway and the one who publishes to them. */
export class Bystanders {
  published = 0;

  /** @param marker goes with every number, and must reach nobody else */
  constructor(url, { room, marker, secured }) {
    this.url = url;
    this.room = room;
    this.marker = marker;
    this.key = secured ? { authorization: `Bearer ${API_KEY}` } : {};
    const auth = { user: room, ...(secured && { token: tokenOf(room) }) };
    const options = { forceNew: true, reconnection: false };
    this.all = [
      new Bystander(io(url, { ...options, transports: ['websocket'], auth }), '4.x by WebSocket'),
      new Bystander(io(url, { ...options, transports: ['polling'], auth }), '4.x by polling'),
      new Bystander(io2(url, { ...options, transports: ['websocket'], query: auth }), '2.x by WebSocket'),
    ];
  }

  async ready() {
    await Promise.all(this.all.map(({ connected }) => connected));
    for (const { socket } of this.all) {
      await new Promise((resolve) => socket.emit('room:join', { room: this.room }, resolve));
    }
  }

  /** Publishes the next number, in turn to the room and to the user. */
  async publish() {
    const number = ++this.published;
    const to = number % 2 === 0 ? { rooms: [this.room] } : { users: [this.room] };
    const response = await fetch(`${this.url}/v1/emit`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...this.key },
      body: JSON.stringify({ to, event: EVENT, args: [number, this.marker] }),
      signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
    });
    const answer = await response.json();
    if (response.status !== 202 || answer.matched !== this.all.length) {
      throw new Error(`publication ${number}: ${response.status} ${JSON.stringify(answer)}`);
    }
  }

  /** Waits for the last number and says what is wrong. */
  async verdict() {
    const timeout = new Promise((resolve) => setTimeout(resolve, CONNECT_TIMEOUT_MS));
    await Promise.race([timeout, Promise.all(this.all.map((each) => each.until(this.published)))]);
    return this.all.flatMap(({ label, numbers, ended }) => {
      const wrong = numbers.findIndex((number, index) => number !== index + 1);
      const problems = [];
      if (ended) problems.push(`bystander ${label} was disconnected: ${ended}`);
      if (wrong >= 0) problems.push(`bystander ${label} got ${numbers[wrong]} as number ${wrong + 1}`);
      if (numbers.length !== this.published) {
        problems.push(`bystander ${label} got ${numbers.length} of ${this.published} publications`);
      }
      return problems;
    });
  }

  close() {
    for (const { socket } of this.all) socket.close();
  }
}
