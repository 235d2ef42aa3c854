/** Measures the time from request to answer every few seconds while somebody looks, and draws the last ones. */
import { byId } from './dom.js';

const EVERY_MS = 3_000;
const SAMPLES = 40;
const WIDTH = 80;
const HEIGHT = 20;

export class RoundTrip {
  #connection;
  #onInfo;
  #samples = [];
  #timer;
  #value = byId('rtt');
  #line = byId('rtt-line');

  /** `onInfo` gets each answer of `socket:info`: the measurement doubles as a look at the truth. */
  constructor(connection, onInfo) {
    this.#connection = connection;
    this.#onInfo = onInfo;
    document.addEventListener('visibilitychange', () => this.start());
  }

  start() {
    clearTimeout(this.#timer);
    if (this.#connection.connected && !document.hidden) void this.#measure();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#samples = [];
    this.#value.textContent = '–';
    this.#line.setAttribute('points', '');
  }

  async #measure() {
    const { socketId } = this.#connection;
    const sent = performance.now();
    let info;
    try {
      info = await this.#connection.request('socket:info');
    } catch {
      info = undefined; // Shown as a missing number; the next measurement tries again.
    }
    if (this.#connection.socketId !== socketId) return;
    if (info === undefined) this.#value.textContent = 'no answer';
    else {
      this.#draw(performance.now() - sent);
      this.#onInfo(info);
    }
    clearTimeout(this.#timer);
    if (!document.hidden) this.#timer = setTimeout(() => void this.#measure(), EVERY_MS);
  }

  #draw(elapsedMs) {
    this.#value.textContent = `${elapsedMs < 10 ? elapsedMs.toFixed(1) : Math.round(elapsedMs)} ms`;
    this.#samples = [...this.#samples, elapsedMs].slice(-SAMPLES);
    const top = Math.max(...this.#samples, 1);
    const points = this.#samples.map((sample, index) => {
      const x = WIDTH - ((this.#samples.length - 1 - index) * WIDTH) / (SAMPLES - 1);
      return `${x.toFixed(1)},${(HEIGHT - 1 - (sample / top) * (HEIGHT - 2)).toFixed(1)}`;
    });
    this.#line.setAttribute('points', points.join(' '));
  }
}
