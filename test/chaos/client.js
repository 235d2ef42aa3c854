/** A client that can recover, by hand: the session's ID and the last cursor. [H4] [H6] */
import { WebSocket } from 'ws';
import { Receipts } from './ledger.js';
import { EVENT } from './publisher.js';
import { WatchedList } from './watched-list.js';

const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 500;
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** A request whose answer the connection outlives for this long has not been answered. */
const ANSWER_TIMEOUT_MS = 20_000;
/** A join is tried again after this long when shared state was away. */
const JOIN_AGAIN_MS = 300;
const MAX_TRACE = 20_000;

export class Client {
  receipts = new Map();
  /** Rooms it is to be in. */
  rooms = new Set();
  /** Rooms it has been told that it is in. */
  joined = new Set();
  socketId = '';
  isConnected = false;
  isClosed = false;
  connects = 0;
  recoveries = 0;
  /** Times it was told that it missed something: `{ since, from, to }`, the last two of its absence. */
  losses = [];
  /** Each time it was sent away: when, and milliseconds from the goodbye until it was connected again. */
  returns = [];
  /** Connections that ended without a goodbye. */
  breaks = 0;
  /** By room, who it has been told is there. */
  lists = new Map();
  notices = 0;
  /** By room, the epoch and offset of the last publication that came with its position. */
  positions = new Map();
  /** Rooms it has left: `[room, when]`. */
  leaves = [];
  /** Rooms that it may be held in, though it will not come back to them: `[room, when]`. */
  departures = [];
  /** Rooms it has left since shared state was last known to be well. */
  leaving = new Set();
  problems = [];
  /** What happened to it, for whoever looks for the cause of a fault; the last of it. */
  eventTrace = [];
  gotTrace = [];
  requests = new Map();
  requestId = 0;
  brokeAt = 0;
  /** Attempts to come back that have failed in a row. */
  attempts = 0;

  /**
   * @param {{ url: string, random: import('../fuzz/random.js').Random, streamOf: (name: string) => import('./ledger.js').Stream,
   *   isQuiet: () => boolean, backOffMs?: (attempts: number) => number }} world
   */
  constructor(world, { index, user, rooms, watches = false, isPositioned = false }) {
    this.world = world;
    this.index = index;
    this.user = user;
    /** Whether it wants to know who is in its rooms. */
    this.watches = watches;
    /** Whether it wants to know where the publications of its rooms stand. */
    this.isPositioned = isPositioned;
    for (const room of rooms) this.rooms.add(room);
    this.ready = new Promise((resolve) => (this.isReady = resolve));
    this.open();
  }

  get own() {
    return [this.user, `socket-${this.index}`];
  }

  open() {
    const url = `${this.world.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
    const ws = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: HANDSHAKE_TIMEOUT_MS });
    this.ws = ws;
    this.lastHeardAt = performance.now();
    this.silenceMs = HANDSHAKE_TIMEOUT_MS;
    ws.on('message', (data) => ws === this.ws && this.hear(String(data)));
    // `close` follows.
    ws.on('error', () => {});
    ws.once('close', () => this.broke());
  }

  note(...what) {
    // What it got is most of it by far, and would push everything else out of a long run.
    const trace = what[0] === 'got' ? this.gotTrace : this.eventTrace;
    trace.push([performance.now(), ...what]);
    if (trace.length > MAX_TRACE) trace.shift();
  }

  get trace() {
    return [...this.eventTrace, ...this.gotTrace].toSorted(([one], [other]) => one - other);
  }

  broke() {
    this.note('broke');
    this.disconnected();
    if (this.isClosed) return;
    const { random, backOffMs = () => random.int(MIN_BACKOFF_MS, MAX_BACKOFF_MS) } = this.world;
    this.timer = setTimeout(() => this.open(), backOffMs(this.attempts++));
  }

  disconnected() {
    const now = performance.now();
    if (this.isConnected) {
      this.brokeAt = now;
      if (this.awaySince === undefined && !this.isClosed) this.breaks++;
      this.awaySince ??= now;
    }
    // That it left on purpose, its node may have had nobody to tell before it died: the user is held.
    for (const room of this.leaving) this.departures.push([room, performance.now()]);
    this.isConnected = false;
    for (const { onEnd } of this.requests.values()) onEnd?.();
    this.requests.clear();
  }

  hear(packet) {
    this.lastHeardAt = performance.now();
    if (packet === '2') this.ws.send('3');
    else if (packet.startsWith('0')) {
      const { pingInterval, pingTimeout } = JSON.parse(packet.slice(1));
      this.silenceMs = pingInterval + pingTimeout;
      this.attempts = 0;
      const { pid, offset, user } = this;
      this.ws.send(`40${JSON.stringify({ user, recovery: true, ...(pid && { pid, offset }) })}`);
    } else if (packet.startsWith('40')) this.connected(JSON.parse(packet.slice(2)));
    else if (packet.startsWith('42')) this.event(JSON.parse(packet.slice(2)));
    else if (packet.startsWith('43')) {
      const [, id, answer] = /^43(\d+)(.*)$/s.exec(packet);
      this.answered(Number(id), JSON.parse(answer)[0]);
    } else this.ws.terminate();
  }

  connected({ sid, pid }) {
    const isRecovered = pid === this.pid;
    const now = performance.now();
    this.note(isRecovered ? 'recovered' : 'began', sid, this.offset);
    this.socketId = sid;
    this.pid = pid;
    this.isConnected = true;
    this.connects++;
    if (this.awaySince !== undefined) this.returns.push({ from: this.awaySince, ms: now - this.awaySince });
    this.awaySince = undefined;
    if (isRecovered) {
      this.recoveries++;
      // What was asked on the way out of the old connection may not have been done.
      // And what it joined or left while shared state was away, its node alone knew of.
      for (const room of this.rooms) if (!this.joined.has(room) || this.waiting.has(room)) this.join(room);
      for (const room of new Set([...this.joined, ...this.leaving])) {
        if (!this.rooms.has(room)) this.leave(room);
      }
      return;
    }
    if (this.connects > 1) this.losses.push({ since: this.beganAt, from: this.brokeAt, to: now });
    this.beganAt = now;
    this.offset = undefined;
    for (const room of this.joined) this.departures.push([room, now]);
    this.joined.clear();
    this.lists.clear();
    this.positions.clear();
    this.leaving.clear();
    for (const receipts of this.receipts.values()) receipts.beginAnew();
    this.waiting = new Set(this.own);
    for (const room of this.rooms) this.join(room);
  }

  event([name, ...args]) {
    // A goodbye carries no cursor.
    if (typeof args.at(-1) === 'string') this.offset = args.at(-1);
    if (name === EVENT) {
      this.receiptsOf(args[0]).got.push(args[1]);
      if (typeof args[2] === 'object') this.stands(args[2]);
      if (this.world.isTracing) this.note('got', args[0], args[1], args[2]);
    } else if (name === 'room:presence') {
      this.note('presence', JSON.stringify(args[0]));
      this.notices++;
      // Of a room that it has just left.
      this.lists.get(args[0].room)?.heard(args[0], (text) => {
        if (!this.world.mayBeToldTwice()) this.problem(text);
      });
    } else if (name === 'server:disconnect') {
      this.note('goodbye', args[0].code);
      this.awaySince = performance.now();
    }
  }

  /** In a history each place is taken once, and places rise. [H2] */
  stands({ room, id, epoch, offset }) {
    const last = this.positions.get(room);
    if (last?.epoch === epoch && offset <= last.offset) {
      this.problem(`got ${offset} of ${room} after ${last.offset}`);
    }
    this.positions.set(room, { epoch, offset });
    const other = this.world.idAt?.(room, epoch, offset, id);
    if (other !== undefined && other !== id)
      this.problem(`got ${id} as ${offset} of ${room}, others got ${other}`);
  }

  receiptsOf(name) {
    let receipts = this.receipts.get(name);
    if (!receipts) this.receipts.set(name, (receipts = new Receipts(this.world.streamOf(name))));
    return receipts;
  }

  /** Publications to it are due once the nodes can know of it: at once unless shared state is in trouble. */
  watch(now) {
    this.endIfSilent(now);
    if (this.isConnected) {
      for (const { event, askedAt } of this.requests.values()) {
        if (now - askedAt > ANSWER_TIMEOUT_MS) this.problem(`no answer to ${event}`);
      }
    }
    if (this.isConnected && this.world.isQuiet()) {
      for (const name of this.waiting ?? []) {
        for (const stream of this.streamsTo(name)) this.receiptsOf(stream).open();
      }
      this.waiting?.clear();
      this.leaving.clear();
    }
    const isIn = this.isConnected && [...this.rooms].every((room) => this.joined.has(room));
    if (isIn && this.waiting?.size === 0) this.isReady();
  }

  endIfSilent(now) {
    if (now - this.lastHeardAt > this.silenceMs && this.ws.readyState !== WebSocket.CLOSED)
      this.ws.terminate();
  }

  /** What is published to it there: by backends, and by clients. */
  streamsTo(name) {
    return [name, ...(this.world.streamsIn?.(name) ?? [])];
  }

  problem(text) {
    if (this.problems.length < 5) this.problems.push(`client ${this.index}: ${text}`);
  }

  /** @param {() => void} [onEnd] its connection broke before it was answered */
  request(event, payload, onAnswer, onEnd) {
    if (!this.isConnected) return;
    this.note('asks', event, payload.room);
    const id = this.requestId++;
    this.requests.set(id, { event, onAnswer, onEnd, askedAt: performance.now() });
    this.send(id, event, payload);
  }

  send(id, event, payload) {
    this.ws.send(`42${id}${JSON.stringify([event, payload])}`);
  }

  answered(id, answer) {
    const waiting = this.requests.get(id);
    this.requests.delete(id);
    waiting?.onAnswer(answer);
  }

  join(room) {
    this.rooms.add(room);
    const how = { ...(this.watches && { presence: true }), ...(this.keepsPositions(room) && { meta: true }) };
    this.request('room:join', { room, ...how }, (answer) => {
      this.note('join', room, answer.ok);
      if (!answer.ok) {
        // What it asks for besides can only be promised while shared state is there.
        if (answer.error.code === 'engine.unavailable' && Object.keys(how).length > 0) {
          setTimeout(() => this.rooms.has(room) && !this.joined.has(room) && this.join(room), JOIN_AGAIN_MS);
          return;
        }
        this.problem(`joining was answered ${JSON.stringify(answer.error)}`);
        return;
      }
      this.joined.add(room);
      if (!this.rooms.has(room)) return;
      this.waiting.add(room);
      if (this.watches && !this.lists.has(room)) {
        this.lists.set(room, new WatchedList());
        this.list(room);
      }
    });
  }

  /** Asks who is there; the answer may be that nobody can tell now. */
  list(room) {
    const list = this.lists.get(room);
    const isWanted = () => !this.isClosed && this.lists.get(room) === list;
    const again = () => setTimeout(() => isWanted() && this.list(room), JOIN_AGAIN_MS);
    if (!this.isConnected) {
      again();
      return;
    }
    // What it was told before it asks is in the answer.
    list.early = [];
    this.request(
      'room:members',
      { room, limit: 1_000 },
      ({ ok, members }) => {
        this.note('members', room, ok, ok ? members.map(({ user }) => user).join(' ') : '');
        if (!ok) again();
        else if (isWanted()) list.listed(members.map(({ user }) => user));
      },
      again,
    );
  }

  keepsPositions(room) {
    return this.isPositioned && room.startsWith('h-');
  }

  /** Sends an event to a room that it is in; resolves with whether it was accepted. */
  emit(room, name, args) {
    return new Promise((resolve) => {
      if (!this.isConnected) resolve(false);
      else {
        const payload = { room, event: name, args, echo: true };
        this.request(
          'room:emit',
          payload,
          ({ ok }) => resolve(ok),
          () => resolve(false),
        );
      }
    });
  }

  leave(room) {
    this.note('leaves', room);
    this.leaves.push([room, performance.now()]);
    this.rooms.delete(room);
    this.waiting?.delete(room);
    this.leaving.add(room);
    for (const stream of this.streamsTo(room)) this.receiptsOf(stream).closeAtLast();
    this.lists.delete(room);
    this.positions.delete(room);
    this.request('room:leave', { room }, ({ ok, error }) => {
      this.note('left', room, ok);
      if (!ok && error.code !== 'room.not_joined')
        this.problem(`leaving was answered ${JSON.stringify(error)}`);
      this.joined.delete(room);
    });
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.ws.close();
  }
}
