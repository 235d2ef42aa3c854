/** An endpoint that fails, is slow and does not answer, by chance and for a while; what it was told, without doubles. */
import { createServer } from 'node:http';

/** Failures in a row of one event, after which it waits 10 minutes. One more, and its partition would wait an hour. [W6] */
const MOST_FAILURES = 5;

export class FailingReceiver {
  /** Events by ID, in the order in which they first came. */
  got = new Map();
  requests = 0;
  failures = 0;
  /** For a while it takes nothing. */
  isFailing = false;
  /** In the end it takes everything, so that what still waits does so for what was before. */
  isWell = false;
  /** How often it refused an event, by ID. */
  refused = new Map();

  constructor(random) {
    this.random = random;
    this.server = createServer((request, response) => {
      const parts = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => this.take(request, response, Buffer.concat(parts).toString()));
    });
  }

  async listen() {
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
    return this.server.address().port;
  }

  take(request, response, body) {
    const id = request.headers['webhook-id'];
    const chance = this.isWell ? 0.5 : this.random.next();
    this.requests++;
    if (this.refuses(id, chance)) {
      if (chance < 0.03) return request.socket.destroy();
      return response.writeHead(chance < 0.06 ? 500 : 429, { 'retry-after': '0' }).end();
    }
    if (!this.got.has(id)) this.got.set(id, JSON.parse(body));
    if (chance > 0.9995) return;
    setTimeout(() => response.writeHead(204).end(), chance > 0.95 ? 300 : 0);
  }

  refuses(id, chance) {
    const before = this.refused.get(id) ?? 0;
    if (this.isWell || before === MOST_FAILURES || !(this.isFailing || chance < 0.1)) return false;
    this.refused.set(id, before + 1);
    this.failures++;
    return true;
  }

  /** Of users, in one epoch. */
  eventsOf(user, epoch) {
    return [...this.got.values()].filter(
      ({ type, data }) => type.startsWith('user.') && data.user === user && data.epoch === epoch,
    );
  }

  /** Epochs that it was told of, oldest first. */
  epochs() {
    const since = new Map();
    for (const { timestamp, data } of this.got.values()) {
      const first = since.get(data.epoch);
      if (data.epoch && (first === undefined || timestamp < first)) since.set(data.epoch, timestamp);
    }
    return [...since].toSorted(([, one], [, other]) => (one < other ? -1 : 1)).map(([epoch]) => epoch);
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
