/**
 * One connection at a time: makes it, watches it, breaks it.
 *
 * Speaks through events: `state` {name, detail}, `transport` {name, from}, `lifecycle` (see lifecycle.js),
 * `packet` {event, args, answered, replayed} for what the server sends.
 */
import { pathOf } from './base.js';
import { loadClient } from './clients.js';
import { clock } from './dom.js';
import { watchLifecycle } from './lifecycle.js';
import { showError } from './values.js';

const ANSWER_WITHIN_MS = 5_000;
/** Where a client can be pointed: `path`, and what the page says while it tries. */
const ADDRESSES = {
  gateway: { path: pathOf('socket.io'), detail: '' },
  nowhere: { path: pathOf('playground/nowhere'), detail: 'to an address that does not exist' },
  slow: { path: pathOf('playground/slow'), detail: 'to an address that answers too late' },
};

const TRANSPORTS = {
  upgrade: ['polling', 'websocket'],
  polling: ['polling'],
  websocket: ['websocket'],
};

export class Connection extends EventTarget {
  #socket = null;
  /** Rises with every connect and disconnect; what belongs to an older one is ignored. */
  #turn = 0;
  #transport = { name: '–' };
  /** The last `server:disconnect`, which tells why the server is about to end the socket. */
  #farewell = null;
  /** How many events have come since the session was recovered; `undefined` once it is up to date. */
  #replayed;

  get connected() {
    return this.#socket?.connected === true;
  }

  get socketId() {
    return this.connected ? this.#socket.id : undefined;
  }

  /** `{name, from}`: the transport in use and, after an upgrade, the one before. */
  get transport() {
    return this.#transport;
  }

  /** Whether the connection was restored by Socket.IO's connection state recovery. [H4] */
  get recovered() {
    return this.#socket?.recovered === true;
  }

  /** Drops what there is and connects anew with these settings. */
  async connect(settings) {
    this.#drop();
    const turn = ++this.#turn;
    this.#setState('connecting', ADDRESSES[settings.address].detail);
    let io;
    try {
      io = await loadClient(settings.generation, settings.source);
    } catch (error) {
      if (turn === this.#turn) this.#setState('failed', error.message);
      return;
    }
    if (turn !== this.#turn) return;
    this.#farewell = null;
    const socket = io(location.origin, optionsFor(settings));
    this.#socket = socket;
    this.#watch(socket, settings, turn);
  }

  disconnect() {
    this.#drop();
    this.#turn += 1;
    this.#setState('idle', 'by this page');
  }

  /**
   * Ends the transport under the socket, as a lost network would.
   *
   * The client did not ask for it (`io client disconnect`) and neither did the server, so every generation comes
   * back by itself.
   */
  breakTransport() {
    const engine = this.#socket?.io.engine;
    if (!engine || engine.readyState !== 'open') return false;
    engine.transport.close();
    // In the middle of an upgrade the old transport is paused and cannot be closed.
    if (engine.readyState === 'open') engine.close();
    return true;
  }

  /** Emits with an acknowledgement; rejects when none comes in time. Resolves with its arguments. */
  ask(event, ...args) {
    const socket = this.#socket;
    if (!this.connected) return Promise.reject(new Error('not connected'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no acknowledgement within ${ANSWER_WITHIN_MS / 1_000} s`)),
        ANSWER_WITHIN_MS,
      );
      const settle = (...answer) => {
        clearTimeout(timer);
        resolve(answer);
      };
      try {
        socket.emit(event, ...args, settle);
      } catch (error) {
        clearTimeout(timer);
        reject(error); // 3.x and 4.x throw on the names they reserve.
      }
    });
  }

  /** A request of the gateway's protocol: resolves with its answer, rejects with its error object. [M1] */
  async request(event, payload) {
    const [answer] = await (payload === undefined ? this.ask(event) : this.ask(event, payload));
    if (answer?.ok !== true) throw answer?.error ?? new Error('an answer without ok');
    return answer;
  }

  #watch(socket, settings, turn) {
    const current = () => turn === this.#turn;

    watchLifecycle(socket, settings.generation, settings.timeoutMs, (happened) => {
      if (!current()) return;
      this.#follow(happened, socket);
      this.#tell('lifecycle', happened);
    });

    const watchEngine = () => {
      const { engine } = socket.io;
      if (!current()) return;
      this.#setTransport({ name: engine.transport.name });
      engine.on('upgrade', (transport) => {
        if (current()) this.#setTransport({ name: transport.name, from: 'polling' });
      });
    };
    // Every reconnect makes a new engine.
    socket.io.on('open', watchEngine);

    onAnyEvent(socket, settings.generation, (event, args) => {
      if (!current()) return;
      if (event === 'server:disconnect') this.#farewell = args[0] ?? null;
      const answer = args.at(-1);
      const answered = typeof answer === 'function';
      if (answered) answer({ ok: true });
      // Who recovers is told the place of each event behind its arguments.
      const recovers = settings.recovery && settings.generation === 'v4';
      const extra = answered || (recovers && typeof answer === 'string');
      const replayed = this.#replayed !== undefined;
      if (replayed) this.#replayed += 1;
      this.#tell('packet', { event, args: extra ? args.slice(0, -1) : args, answered, replayed });
    });
  }

  /** Turns lifecycle events into the one state that the page shows. */
  #follow({ event, args, attempt }, socket) {
    switch (event) {
      case 'connect':
        this.#farewell = null;
        this.#setState('connected', this.recovered ? 'recovered' : sinceNow());
        if (this.recovered) void this.#countReplayed(socket);
        break;
      case 'disconnect':
        this.#followDisconnect(args[0]);
        break;
      case 'connect_error':
        this.#followConnectError(args[0], attempt, socket);
        break;
      case 'reconnect_attempt':
        this.#setState('retrying', `attempt ${attempt}`);
        break;
      case 'reconnect_failed':
        this.#setState('failed', 'every reconnection attempt failed');
        break;
    }
  }

  /** What was missed comes before anything that is asked for afterwards is answered. */
  async #countReplayed(socket) {
    this.#replayed = 0;
    await this.ask('socket:info').catch(() => undefined);
    const count = this.#replayed;
    this.#replayed = undefined;
    if (socket === this.#socket && this.connected) {
      this.#tell('detail', `recovered, ${count === 1 ? '1 event' : `${count} events`} replayed`);
    }
  }

  #followDisconnect(reason) {
    const why = this.#farewell === null ? reason : `${showError(this.#farewell)} (${reason})`;
    if (reason === 'io client disconnect') this.#setState('idle', why);
    else if (reason === 'io server disconnect') this.#setState('ended', why);
    else this.#setState('retrying', why);
  }

  /**
   * An open engine means that the gateway itself said no; otherwise it was not reached.
   *
   * A refusal that says that retrying does not help is taken at its word, where stock 2.x and 3.x clients would
   * come back again and again.
   */
  #followConnectError(error, attempt, socket) {
    const refused = socket.io.engine?.readyState === 'open' || error?.data?.code !== undefined;
    if (refused) {
      const reason = error?.data ?? error;
      this.#setState('refused', showError(reason));
      if (reason?.retryable === false) socket.disconnect();
      return;
    }
    const message = typeof error === 'string' ? error : (error?.message ?? 'unreachable');
    this.#setState('retrying', attempt === undefined ? message : `attempt ${attempt}: ${message}`);
  }

  #drop() {
    const socket = this.#socket;
    if (socket === null) return;
    socket.disconnect(); // Its own `disconnect` event still belongs to this turn.
    this.#socket = null;
  }

  #setState(name, detail) {
    this.#tell('state', { name, detail });
  }

  #setTransport(transport) {
    this.#transport = transport;
    this.#tell('transport', transport);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const sinceNow = () => `since ${clock(new Date()).slice(0, 8)}`;

function optionsFor(settings) {
  const identity = {};
  if (settings.token) identity.token = settings.token;
  if (settings.user) identity.user = settings.user;
  const shared = {
    path: ADDRESSES[settings.address].path,
    forceNew: true,
    transports: TRANSPORTS[settings.transports],
    reconnectionAttempts: settings.attempts,
    reconnectionDelay: settings.delayMs,
    reconnectionDelayMax: Math.max(settings.delayMs, 5_000),
    timeout: settings.timeoutMs,
  };
  if (settings.generation === 'v2') {
    const info = settings.info === undefined ? {} : { info: JSON.stringify(settings.info) };
    return { ...shared, query: { ...identity, ...info } };
  }
  const info = settings.info === undefined ? {} : { info: settings.info };
  const recovery = settings.recovery && settings.generation === 'v4' ? { recovery: true } : {};
  return { ...shared, auth: { ...identity, ...info, ...recovery } };
}

/** 2.x has no catch-all listener: its packets are seen where the socket itself takes them. */
function onAnyEvent(socket, generation, listener) {
  if (generation !== 'v2') {
    socket.onAny((event, ...args) => listener(event, args));
    return;
  }
  const handle = socket.onevent;
  socket.onevent = function (packet) {
    handle.call(this, packet); // Appends the acknowledgement function to the data when there is one.
    const [event, ...args] = packet.data ?? [];
    listener(event, args);
  };
}
