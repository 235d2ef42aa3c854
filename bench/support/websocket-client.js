/**
 * A WebSocket client that costs next to nothing, so that thousands of them do not drown the machine that the
 * server is measured on: it reads frame headers and the first two bytes of a payload, and decodes nothing.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { PollingStart } from './polling-start.js';

/**
 * @typedef {{ user: string, pid?: string, offset?: string }} Session a client writes down here what it needs to come back
 *
 * @typedef {object} ClientOptions
 * @property {number} port
 * @property {'socket.io' | 'ws'} protocol `ws`: no Socket.IO, the server says hello with its first frame
 * @property {string} [token] sent as `auth.token`
 * @property {boolean} [startsByPolling] and upgrades at once, as stock clients do
 * @property {Session} [recovers] asks for recovery, and comes back with what is in here
 * @property {(frameBytes: number) => void} onEvent an event arrived
 * @property {() => void} onAnswer an acknowledgement arrived
 * @property {(error: Error) => void} onLost the connection ended although nobody closed it
 */

const PROBE_ANSWER = '3'.charCodeAt(0);
const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 };
const PING = '2'.charCodeAt(0);
const MESSAGE = '4'.charCodeAt(0);
const CONNECT = '0'.charCodeAt(0);
const EVENT = '2'.charCodeAt(0);
const ANSWER = '3'.charCodeAt(0);
const EMPTY = Buffer.alloc(0);

/** All sockets read into one buffer: each chunk is dealt with before the next read. */
const readBuffer = Buffer.alloc(64 * 1024);

const CONNECT_LIMIT_MS = 30_000;

export class WebSocketClient {
  socketId = '';
  #rest = EMPTY;
  #upgraded = false;
  #lastEvent = '';
  /** @type {PollingStart | undefined} */
  #polling;
  /** @type {'connecting' | 'open' | 'closing'} */
  #state = 'connecting';

  /** @param {ClientOptions} options */
  constructor(options) {
    this.options = options;
    this.opened = new Promise((resolve, reject) => {
      this.resolveOpened = resolve;
      this.rejectOpened = reject;
    });
    /** Resolves when the server has closed its side too. */
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
    const timer = setTimeout(() => this.#fail('no connect within 30 s'), CONNECT_LIMIT_MS);
    const clear = () => clearTimeout(timer);
    this.opened.then(clear, clear);
    this.closed.then(clear);
    if (options.startsByPolling) this.#startByPolling(options.port);
    else this.#openWebSocket();
  }

  /** @param {string} [sid] of the session that is moved here */
  #openWebSocket(sid) {
    const { port } = this.options;
    this.tcp = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: readBuffer, callback: (length, buffer) => this.#read(buffer.subarray(0, length)) },
    });
    this.tcp.once('connect', () => this.tcp?.write(upgradeRequest(this.options, sid)));
    this.tcp.on('error', (error) => this.#fail(error.message));
    this.tcp.once('close', () => {
      this.resolveClosed?.(undefined);
      if (this.#state !== 'closing') this.#fail('closed by the server');
    });
  }

  /** @param {number} port */
  async #startByPolling(port) {
    const polling = new PollingStart(port);
    this.#polling = polling;
    try {
      const sid = await polling.open();
      const polled = polling.poll((packet) => {
        if (packet.startsWith('40')) this.socketId = JSON.parse(packet.slice(2)).sid;
      });
      this.#openWebSocket(sid);
      await polling.post(`40${this.#auth()}`);
      await polled;
      // Nothing is under way by polling any more: from now on the WebSocket carries everything.
      this.send('5');
      polling.close();
      this.#open(this.socketId);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} text at most 65,535 bytes */
  send(text) {
    this.tcp?.write(maskedFrame(OPCODE.text, Buffer.from(text)));
  }

  /** Waits for the server's end, which is no failure from now on. */
  async awaitEnd() {
    this.#state = 'closing';
    await this.closed;
  }

  /** Closes as a client does, by a close frame, and waits for the server's end. */
  async close() {
    this.#state = 'closing';
    this.tcp?.write(maskedFrame(OPCODE.close, Buffer.from([0x03, 0xe8])));
    await this.closed;
  }

  /** @param {string} cause */
  #fail(cause) {
    if (this.#state === 'closing') return;
    const error = new Error(`a client lost its connection: ${cause}`);
    if (this.#state === 'open') this.options.onLost(error);
    else this.rejectOpened?.(error);
    this.#state = 'closing';
    this.#polling?.close();
    this.tcp?.destroy();
  }

  /** @param {Uint8Array} chunk a view of the shared buffer: what is to be kept must be copied */
  #read(chunk) {
    let data = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#rest.length > 0) data = Buffer.concat([this.#rest, data]);
    let at = this.#upgraded ? 0 : this.#readUpgrade(data);
    while (this.#upgraded && data.length - at >= 2) {
      let length = /** @type {number} */ (data[at + 1]) & 0x7f;
      let header = 2;
      if (length === 126) {
        if (data.length - at < 4) break;
        length = data.readUInt16BE(at + 2);
        header = 4;
      } else if (length === 127) {
        if (data.length - at < 10) break;
        length = Number(data.readBigUInt64BE(at + 2));
        header = 10;
      }
      if (data.length - at < header + length) break;
      this.#handle(/** @type {number} */ (data[at]) & 0x0f, data, at + header, length, header + length);
      at += header + length;
    }
    this.#rest = at === data.length ? EMPTY : Buffer.from(data.subarray(at));
    return true;
  }

  /** @param {Buffer} data @returns {number} where the first frame starts */
  #readUpgrade(data) {
    const end = data.indexOf('\r\n\r\n');
    if (end === -1) return 0;
    if (!data.toString('latin1', 0, end).startsWith('HTTP/1.1 101'))
      this.#fail(data.toString('latin1', 0, 500));
    else this.#upgraded = true;
    if (this.#polling) this.send('2probe');
    return end + 4;
  }

  /**
   * @param {number} opcode
   * @param {Buffer} data
   * @param {number} start of the payload
   * @param {number} length of the payload
   * @param {number} frameBytes
   */
  #handle(opcode, data, start, length, frameBytes) {
    if (opcode === OPCODE.ping) {
      this.tcp?.write(maskedFrame(OPCODE.pong, data.subarray(start, start + length)));
    } else if (opcode === OPCODE.close) {
      if (this.#state === 'closing') this.tcp?.end();
      else this.#fail('close frame from the server');
    } else if (this.options.protocol === 'ws') {
      if (this.#state === 'connecting') this.#open('');
      else this.options.onEvent(frameBytes);
    } else if (this.#polling && this.#state === 'connecting') {
      // The first thing that comes while it is moved: the answer to the probe.
      if (data[start] === PROBE_ANSWER) this.#polling.probed();
    } else if (data[start] === PING) {
      this.send('3');
    } else if (data[start] === CONNECT) {
      this.send(`40${this.#auth()}`);
    } else if (data[start] === MESSAGE) {
      this.#handlePacket(data, start + 1, length - 1, frameBytes);
    }
  }

  /**
   * @param {Buffer} data
   * @param {number} start of the Socket.IO packet
   * @param {number} length of the packet
   * @param {number} frameBytes
   */
  #handlePacket(data, start, length, frameBytes) {
    const type = data[start];
    if (type === EVENT) {
      // Only who comes back needs what was said last; it is read then.
      if (this.options.recovers) this.#lastEvent = data.toString('utf8', start + 1, start + length);
      this.options.onEvent(frameBytes);
    } else if (type === ANSWER) this.options.onAnswer();
    else if (type === CONNECT) this.#connected(JSON.parse(data.toString('utf8', start + 1, start + length)));
    else this.#fail(`packet ${data.toString('utf8', start, start + length)}`);
  }

  #auth() {
    const { token, recovers } = this.options;
    if (!token && !recovers) return '';
    return JSON.stringify({ ...(token && { token }), ...(recovers && { recovery: true, ...recovers }) });
  }

  /** @param {{ sid: string, pid?: string }} answer */
  #connected({ sid, pid }) {
    const { recovers } = this.options;
    if (recovers) {
      if (recovers.pid !== undefined && recovers.pid !== pid) this.#fail('not recovered');
      recovers.pid = pid;
    }
    this.#open(sid);
  }

  /** Breaks the connection as a network does. */
  async break() {
    this.#state = 'closing';
    const { recovers } = this.options;
    if (recovers && this.#lastEvent) recovers.offset = JSON.parse(this.#lastEvent).at(-1);
    this.tcp?.resetAndDestroy();
    await this.closed;
  }

  /** @param {string} socketId */
  #open(socketId) {
    this.socketId = socketId;
    this.#state = 'open';
    this.resolveOpened?.(this);
  }
}

/** @param {ClientOptions} options @param {string} [sid] */
const upgradeRequest = ({ port, protocol }, sid) =>
  [
    `GET ${protocol === 'ws' ? '/' : `/socket.io/?EIO=4&transport=websocket${sid ? `&sid=${sid}` : ''}`} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'User-Agent: benchmark',
    '\r\n',
  ].join('\r\n');

/**
 * The mask is zero: the server unmasks as ever, and masking costs this side nothing.
 * @param {number} opcode
 * @param {Buffer} payload
 */
function maskedFrame(opcode, payload) {
  const long = payload.length > 125;
  const frame = Buffer.alloc((long ? 8 : 6) + payload.length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (long ? 126 : payload.length);
  if (long) frame.writeUInt16BE(payload.length, 2);
  payload.copy(frame, long ? 8 : 6);
  return frame;
}
