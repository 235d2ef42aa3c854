/** A TCP connection to the gateway that says anything and waits for no longer than it is told. */
import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** As much of what came in is kept; enough to find the end of an answer. */
const KEPT_CHARACTERS = 262_144;

export class RawConnection {
  received = '';
  isClosed = false;
  waiting = new Set();

  /** @param onText is given everything that comes in */
  constructor(port, onText) {
    this.onText = onText;
    this.tcp = connect({ port, host: '127.0.0.1', noDelay: true });
    this.tcp.on('data', (chunk) => this.take(chunk));
    // A reset is an answer like any other: `close` follows.
    this.tcp.on('error', () => {});
    this.tcp.on('close', () => {
      this.isClosed = true;
      this.look();
    });
  }

  write(bytes) {
    if (!this.isClosed) this.tcp.write(bytes);
  }

  /** Writes in pieces, one a turn, as a slow sender does. */
  async drip(bytes, pieces) {
    const size = Math.max(1, Math.ceil(bytes.length / pieces));
    for (let at = 0; at < bytes.length && !this.isClosed; at += size) {
      this.write(bytes.subarray(at, at + size));
      await nextTurn();
    }
  }

  /** Stops reading: what the gateway sends from now on stays with the gateway. */
  stopReading() {
    this.tcp.pause();
  }

  /** Forgets what came in so far. */
  clear() {
    this.received = '';
  }

  /**
   * Waits until `find` makes something of what came in.
   *
   * @returns what `find` made, or undefined when the connection closed or the time is up
   */
  async until(find, timeoutMs) {
    const found = find(this.received, this.isClosed);
    if (found !== undefined || this.isClosed) return found;
    return new Promise((resolve) => {
      const done = (result) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve(result);
      };
      const look = () => {
        const result = find(this.received, this.isClosed);
        if (result !== undefined || this.isClosed) done(result);
      };
      const timer = setTimeout(done, timeoutMs);
      this.waiting.add(look);
    });
  }

  /** The next HTTP answer; `undefined` when there is none. */
  async answer(timeoutMs, isHead = false) {
    const answer = await this.until((text, isClosed) => parseAnswer(text, isClosed, isHead), timeoutMs);
    this.clear();
    return answer;
  }

  /** Ends without a goodbye, which also leaves no port waiting. */
  destroy() {
    this.tcp.resetAndDestroy();
  }

  take(chunk) {
    const text = chunk.toString('latin1');
    this.onText(text, this);
    this.received = (this.received + text).slice(-KEPT_CHARACTERS);
    this.look();
  }

  look() {
    for (const each of this.waiting) each();
  }
}

const HEAD_END = '\r\n\r\n';

function parseAnswer(text, isClosed, isHead) {
  const headLength = text.indexOf(HEAD_END);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]);
  if (headLength < 0 || !status) return undefined;
  const head = text.slice(0, headLength);
  const body = text.slice(headLength + HEAD_END.length);
  // An interim answer: the one that counts follows.
  if (status === 100) return parseAnswer(body, isClosed, isHead);
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  const isChunked = /^transfer-encoding: *chunked/im.test(head);
  const hasBody = !isHead && status !== 101 && status !== 204 && status !== 304;
  const isWhole = !hasBody || (isChunked ? body.endsWith(`0${HEAD_END}`) : body.length >= length);
  return isWhole || isClosed ? { status, head, body } : undefined;
}
