/**
 * How a stock client starts: by polling, with the upgrade to WebSocket at once.
 *
 * Four requests: the handshake; then, side by side as browsers send them, the poll, the POST that asks to enter the
 * namespace, and the upgrade. The poll goes again as often as it is answered, until the server has said on the WebSocket
 * that it is there.
 */
import { connect } from 'node:net';

/** @typedef {{ status: number, body: string }} Answer */

const PATH = '/socket.io/?EIO=4&transport=polling';

export class PollingStart {
  /** @type {KeptConnection[]} */
  #connections = [];
  #isProbed = false;
  sid = '';

  /** @param {number} port */
  constructor(port) {
    this.port = port;
  }

  /** The session, once it is open. */
  async open() {
    const { body } = await this.#connection().ask('GET', PATH);
    this.sid = JSON.parse(body.slice(1)).sid;
    return this.sid;
  }

  /** Asks to enter the namespace. @param {string} packet */
  async post(packet) {
    await this.#connection().ask('POST', `${PATH}&sid=${this.sid}`, packet);
  }

  /**
   * Polls until the WebSocket is there; the server ends the last poll when it is.
   * @param {(packet: string) => void} onPacket
   */
  async poll(onPacket) {
    const connection = this.#connection();
    do {
      const { body } = await connection.ask('GET', `${PATH}&sid=${this.sid}`);
      for (const packet of body.split('\x1e')) onPacket(packet);
    } while (!this.#isProbed);
  }

  /** The server has answered the probe: no further poll. */
  probed() {
    this.#isProbed = true;
  }

  /** The WebSocket carries everything from now on. */
  close() {
    for (const connection of this.#connections) connection.end();
  }

  /** One that is free, or a new one: what browsers do. */
  #connection() {
    let connection = this.#connections.find(({ isFree }) => isFree);
    if (!connection) {
      connection = new KeptConnection(this.port);
      this.#connections.push(connection);
    }
    return connection;
  }
}

/** One connection that is kept alive, with one request at a time. */
class KeptConnection {
  #text = '';
  /** @type {{ resolve: (answer: Answer) => void, reject: (error: Error) => void } | undefined} */
  #asked;

  /** @param {number} port */
  constructor(port) {
    this.port = port;
    this.tcp = connect({ port, host: '127.0.0.1', noDelay: true });
    this.tcp.setEncoding('latin1');
    this.tcp.on('data', (chunk) => this.#read(String(chunk)));
    this.tcp.on('error', (error) => this.#asked?.reject(error));
    this.tcp.on('close', () => this.#asked?.reject(new Error('a polling connection was closed')));
  }

  get isFree() {
    return this.#asked === undefined;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {string} [body]
   * @returns {Promise<Answer>} anything but 200 fails
   */
  ask(method, path, body) {
    const lines = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${this.port}`, 'User-Agent: benchmark'];
    if (body !== undefined)
      lines.push('Content-Type: text/plain;charset=UTF-8', `Content-Length: ${Buffer.byteLength(body)}`);
    this.tcp.write(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
    return new Promise((resolve, reject) => (this.#asked = { resolve, reject }));
  }

  end() {
    this.tcp.end();
  }

  /** @param {string} chunk */
  #read(chunk) {
    this.#text += chunk;
    const end = this.#text.indexOf('\r\n\r\n');
    if (end === -1) return;
    const head = this.#text.slice(0, end);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#text.length < end + 4 + length) return;
    const body = this.#text.slice(end + 4, end + 4 + length);
    this.#text = this.#text.slice(end + 4 + length);
    const asked = this.#asked;
    this.#asked = undefined;
    const status = Number(head.slice(9, 12));
    if (status === 200) asked?.resolve({ status, body });
    else asked?.reject(new Error(`polling was answered ${status}: ${body}`));
  }
}
