/** Three kinds of client that lose their connections and must not notice. */
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { Inbox } from './ledger.js';
import { EVENT } from './publisher.js';

const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 500;
const HANDSHAKE_TIMEOUT_MS = 15_000;

/**
 * What all kinds do: they count how often they came back, and how long it took until what they missed was there.
 *
 * @typedef {{ url: string, ledger: import('./ledger.js').Ledger, random: import('../fuzz/random.js').Random }} World
 */
class Client {
  socketId = '';
  resumes = 0;
  notRecovered = 0;
  /** Milliseconds from the answer to CONNECT until the last publication that was missed, for each time there was one. */
  replays = [];
  isClosed = false;
  connects = 0;

  /**
   * @param {World} world
   * @param {{ index: number, user: string, rooms: string[], streams: string[], inTotalOrder: boolean }} identity
   */
  constructor(world, { index, user, rooms, streams, inTotalOrder }) {
    this.world = world;
    this.index = index;
    this.user = user;
    this.rooms = rooms;
    this.inbox = new Inbox(world.ledger, streams, inTotalOrder);
    this.ready = new Promise((resolve) => (this.isReady = resolve));
  }

  /** Whether it misses nothing and is connected. */
  get isUpToDate() {
    return this.isConnected && this.inbox.lost === 0;
  }

  /** The gateway has answered CONNECT. */
  came(recovered) {
    if (++this.connects === 1) return;
    this.resumes++;
    if (!recovered) this.notRecovered++;
    const until = this.inbox.latestMeant;
    this.replay = this.inbox.hasAllOf(until) ? undefined : { startedAt: performance.now(), until };
  }

  take(args) {
    this.inbox.take(args);
    if (this.replay && this.inbox.hasAllOf(this.replay.until)) {
      this.replays.push(performance.now() - this.replay.startedAt);
      this.replay = undefined;
    }
  }
}

/** What everyone else uses: the client library of Socket.IO 4, which recovers by itself. */
export class StockClient extends Client {
  constructor(world, identity) {
    super(world, identity);
    const transports = world.random.chance(0.75) ? ['websocket'] : ['polling', 'websocket'];
    this.socket = io(world.url, {
      auth: { user: this.user, recovery: true },
      transports,
      forceNew: true,
      reconnectionDelay: MIN_BACKOFF_MS,
      reconnectionDelayMax: MAX_BACKOFF_MS,
      timeout: HANDSHAKE_TIMEOUT_MS,
    });
    this.socket.on('connect', () => {
      this.socketId = this.socket.id;
      this.came(this.socket.recovered);
      if (this.connects === 1) void this.join();
    });
    this.socket.on(EVENT, (...args) => this.take(args));
  }

  get isConnected() {
    return this.socket.connected;
  }

  async join() {
    for (const room of this.rooms) await this.socket.emitWithAck('room:join', { room });
    this.isReady();
  }

  watch() {}

  close() {
    this.socket.close();
  }
}

/** The protocol by hand, which is cheap enough for thousands. */
class RawClient extends Client {
  isConnected = false;
  lastHeardAt = 0;
  requests = new Map();
  requestId = 0;

  constructor(world, identity) {
    super(world, identity);
    this.open();
  }

  open() {
    const url = `${this.world.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
    this.lastHeardAt = performance.now();
    const ws = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: HANDSHAKE_TIMEOUT_MS });
    this.ws = ws;
    ws.on('message', (data) => this.hear(String(data)));
    // `close` follows.
    ws.on('error', () => {});
    ws.once('close', () => this.lost());
  }

  lost() {
    this.isConnected = false;
    // Whoever asked on the old connection asks again on the next one.
    this.requests.clear();
    if (this.isClosed) return;
    this.timer = setTimeout(() => this.open(), this.world.random.int(MIN_BACKOFF_MS, MAX_BACKOFF_MS));
  }

  hear(packet) {
    this.lastHeardAt = performance.now();
    if (packet === '2') this.ws.send('3');
    else if (packet.startsWith('0')) {
      const { pingInterval, pingTimeout } = JSON.parse(packet.slice(1));
      this.silenceMs = pingInterval + pingTimeout;
      this.ws.send(`40${JSON.stringify(this.auth)}`);
    } else if (packet.startsWith('40')) {
      this.isConnected = true;
      this.connected(JSON.parse(packet.slice(2)));
    } else if (packet.startsWith('42')) this.event(JSON.parse(packet.slice(2)));
    else if (packet.startsWith('43')) {
      const [, id, answer] = /^43(\d+)(.*)$/s.exec(packet);
      this.requests.get(Number(id))?.(JSON.parse(answer)[0]);
      this.requests.delete(Number(id));
    } else this.ws.terminate();
  }

  request(event, payload, onAnswer) {
    const id = this.requestId++;
    this.requests.set(id, onAnswer);
    this.ws.send(`42${id}${JSON.stringify([event, payload])}`);
  }

  /** Called now and then: a connection on which nothing comes any longer is none. */
  watch(now) {
    if (this.ws.readyState === WebSocket.OPEN && now - this.lastHeardAt > this.silenceMs) this.ws.terminate();
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.ws.close();
  }
}

/** Recovers by the protocol of Socket.IO: the session's ID and the last cursor. [H4] */
export class SessionClient extends RawClient {
  get auth() {
    const { pid, offset } = this;
    return { user: this.user, recovery: true, ...(pid && { pid, offset }) };
  }

  connected({ sid, pid }) {
    const recovered = pid === this.pid;
    this.socketId = sid;
    this.pid = pid;
    this.came(recovered);
    if (this.connects > 1) return;
    let joined = 0;
    for (const room of this.rooms) {
      this.request('room:join', { room }, () => ++joined === this.rooms.length && this.isReady());
    }
  }

  event([name, ...args]) {
    this.offset = args.at(-1);
    if (name === EVENT) this.take(args);
  }
}

/** Knows the position in each of its rooms and goes on from there, as any client in any language can. [H5] */
export class PositionClient extends RawClient {
  positions = new Map();

  get auth() {
    return { user: this.user };
  }

  connected() {
    // Whether it missed something is told room by room.
    this.came(true);
    for (const room of this.rooms) {
      const since = this.positions.get(room);
      this.request('room:join', { room, meta: true, ...(since && { since }) }, (answer) =>
        this.joined(room, since, answer),
      );
    }
  }

  joined(room, since, { ok, epoch, offset, recovered, publications = [] }) {
    if (!ok || (since && !recovered)) this.notRecovered++;
    for (const { args } of publications) this.take(args);
    this.positions.set(room, { epoch, offset });
    if (this.positions.size === this.rooms.length) this.isReady();
  }

  event([name, ...args]) {
    if (name !== EVENT) return;
    const { room, epoch, offset } = args.at(-1) ?? {};
    // What comes to everyone or to the user has no position.
    if (room === undefined) return;
    this.positions.set(room, { epoch, offset });
    this.take(args);
  }
}
