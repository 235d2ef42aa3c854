/** A backend that publishes numbered events to everyone, rooms, users and sockets, without a pause. */
import { setTimeout as pause } from 'node:timers/promises';

export const EVENT = 'jitter';

const TICK_MS = 50;
const TICKS_PER_BROADCAST = 20;
const ROOMS_PER_TICK = 1;
const USERS_PER_TICK = 4;
const SOCKETS_PER_TICK = 4;
const REQUEST_TIMEOUT_MS = 20_000;

export class Publisher {
  publications = 0;
  problems = [];

  /**
   * @param {{ urls: string[], apiKey?: string, random: import('../fuzz/random.js').Random, ledger: import('./ledger.js').Ledger,
   *   rooms: string[], users: string[], clients: { index: number, socketId: string }[] }} options
   *   `clients`: those that keep their socket ID
   */
  constructor(options) {
    this.options = options;
  }

  /** Publishes until told to stop; each batch goes to the next node when the one before is accepted. */
  async run(signal) {
    const { urls } = this.options;
    for (let tick = 0; !signal.aborted; tick++) {
      await this.send(urls[tick % urls.length], this.commandsOf(tick));
      await pause(TICK_MS, undefined, { signal }).catch(() => {});
    }
  }

  commandsOf(tick) {
    const { random, rooms, users, clients } = this.options;
    const emits = [];
    const emit = (name, to) => emits.push({ name, to });
    if (tick % TICKS_PER_BROADCAST === 0) emit('all', { all: true });
    for (const room of random.several(ROOMS_PER_TICK, () => random.pick(rooms)))
      emit(room, { rooms: [room] });
    for (const user of random.several(USERS_PER_TICK, () => random.pick(users)))
      emit(user, { users: [user] });
    for (const { index, socketId } of random.several(SOCKETS_PER_TICK, () => random.pick(clients))) {
      emit(`socket-${index}`, { sockets: [socketId] });
    }
    return emits;
  }

  async send(url, emits) {
    const { apiKey, ledger } = this.options;
    const commands = emits.map(({ name, to }) => ({ emit: { to, event: EVENT, args: ledger.next(name) } }));
    this.publications += commands.length;
    try {
      const response = await fetch(`${url}/v1/batch`, {
        method: 'POST',
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        headers: {
          'content-type': 'application/json',
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        body: JSON.stringify({ commands }),
      });
      const text = await response.text();
      const refused = response.ok ? JSON.parse(text).results.find(({ ok }) => !ok) : text;
      if (refused !== undefined)
        this.problems.push(`publishing: ${response.status} ${JSON.stringify(refused)}`);
    } catch (error) {
      this.problems.push(`publishing: ${error.cause ?? error}`);
    }
  }
}
