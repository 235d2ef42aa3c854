/** A backend that publishes numbered events through any node, each stream one after the other. */
import { Agent, request } from 'node:http';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

export const EVENT = 'n';
const TIMEOUT_MS = 4_000;
const MIN_PAUSE_MS = 60;
const MAX_PAUSE_MS = 400;
const MEAN_PAUSE_MS = (MIN_PAUSE_MS + MAX_PAUSE_MS) / 2;
/** Events that a client sends without waiting for the answers in between. */
const MAX_BURST = 3;

export class Publisher {
  counts = { accepted: 0, unavailable: 0, unanswered: 0, other: 0, byClients: 0, byClientsNot: 0 };
  problems = [];
  agent = new Agent({ keepAlive: true, maxSockets: 200 });
  isOver = false;

  /**
   * @param {{ urls: () => string[], random: import('../fuzz/random.js').Random, perSecond?: number }} options
   *   `perSecond`: of all streams together, where that has to be less than they would make
   */
  constructor(options) {
    this.options = options;
  }

  /** @param {{ stream: import('./ledger.js').Stream, to: () => object | undefined }[]} targets */
  run(targets) {
    const { perSecond = Infinity } = this.options;
    const slowdown = Math.max(1, (targets.length / perSecond) * (1_000 / MEAN_PAUSE_MS));
    this.running = targets.map((target) => this.publish(target, slowdown));
  }

  /** Clients that publish themselves, each in a room of its own that it stays in. What is sent at once stays in order. */
  runClients(senders) {
    this.running.push(...senders.map((sender) => this.publishFrom(sender)));
  }

  async publishFrom({ client, room, stream }) {
    const { random } = this.options;
    while (!this.isOver) {
      await pause(random.int(MIN_PAUSE_MS, MAX_PAUSE_MS));
      if (!client.isConnected || !client.joined.has(room)) continue;
      const { socketId, connects } = client;
      const burst = Array.from({ length: random.int(1, MAX_BURST) }, () =>
        stream.begin(`${socketId} ${connects}`),
      );
      await Promise.all(
        burst.map(async (number) => {
          const isAccepted = await client.emit(room, EVENT, [stream.name, number]);
          this.counts[isAccepted ? 'byClients' : 'byClientsNot']++;
          stream.end(number, isAccepted);
        }),
      );
    }
  }

  async stop() {
    this.isOver = true;
    await Promise.all(this.running);
    this.agent.destroy();
  }

  async publish({ stream, to }, slowdown) {
    const { random, urls } = this.options;
    while (!this.isOver) {
      await pause(random.int(MIN_PAUSE_MS, MAX_PAUSE_MS) * slowdown);
      const nodes = urls();
      const target = to();
      if (nodes.length === 0 || target === undefined) continue;
      const node = random.pick(nodes);
      const number = stream.begin(node);
      stream.end(number, await this.send(node, target, [stream.name, number]));
    }
  }

  /** Whether it was accepted; all else may have been published or not. */
  async send(url, to, args) {
    const body = JSON.stringify({ to, event: EVENT, args });
    try {
      const asked = request(`${url}/v1/emit`, {
        method: 'POST',
        agent: this.agent,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      asked.end(body);
      const [response] = await once(asked, 'response');
      response.resume();
      await once(response, 'end');
      if (response.statusCode === 202) this.counts.accepted++;
      else if (response.statusCode === 503) this.counts.unavailable++;
      else {
        this.counts.other++;
        if (this.problems.length < 5) this.problems.push(`publishing was answered ${response.statusCode}`);
      }
      return response.statusCode === 202;
    } catch {
      this.counts.unanswered++;
      return false;
    }
  }
}
