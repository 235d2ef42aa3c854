/** The stock Socket.IO client with its own reconnection and recovery, at their defaults. [H4] [O2] */
import { io } from 'socket.io-client';
import { Client } from './client.js';

/** What the stock client waits before it comes back: 1 s, doubled after each failure, half of it either way, 5 s at most. */
const FIRST_MS = 1_000;
const JITTER = 0.5;
const MOST_MS = 5_000;

/**
 * The stock client's back-off, for clients that only mimic it. The same number gives size and sign, as there: a tenth of
 * all clients waits for 1.45 to 1.5 s.
 *
 * @param {number} attempts failures so far
 * @param {number} random from 0 to below 1
 */
export function stockBackOffMs(attempts, random) {
  const ms = FIRST_MS * 2 ** attempts;
  const deviation = Math.floor(random * JITTER * ms);
  return Math.min(Math.floor(random * 10) % 2 === 0 ? ms - deviation : ms + deviation, MOST_MS);
}

export class StockClient extends Client {
  open() {
    this.socket = io(this.world.url, {
      transports: ['websocket'],
      forceNew: true,
      auth: { user: this.user, recovery: true },
    });
    // There may be a balancer behind the address, or another address each time.
    this.socket.io.on('reconnect_attempt', () => (this.socket.io.uri = this.world.url));
    this.socket.on('connect', () => this.connected({ sid: this.socket.id, pid: this.socket._pid }));
    this.socket.on('disconnect', (reason) => {
      this.note('broke', reason);
      this.disconnected();
    });
    this.socket.onAny((...event) => this.event(event));
  }

  send(id, event, payload) {
    this.socket.emit(event, payload, (answer) => this.answered(id, answer));
  }

  /** It looks after itself. */
  endIfSilent() {}

  close() {
    this.isClosed = true;
    this.socket.disconnect();
  }
}
