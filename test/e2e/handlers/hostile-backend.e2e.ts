import { startGateway, type Answer, type TestClient } from 'switchboard-gateway/testing';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { BACKEND_SECRET, HostileBackend } from '../../support/hostile-backend.js';
import { Random, seedOf } from '../../support/random.js';

const CLIENTS = 12;
const EVENTS_OF_EACH = 40;

const MAY_BE_TOLD = new Set([
  'handler.failed',
  'handler.timeout',
  'handler.unavailable',
  'access.denied',
  'app.no',
]);

/** What came back of one event, each time that something did. */
interface Sent {
  readonly number: number;
  readonly answers: Answer[];
}

describe('a hostile backend', () => {
  it('[B4] [M1] [B5] has every request answered once, in order, and shows nothing of itself to anyone', async () => {
    const backend = await HostileBackend.start(new Random(seedOf('hostile backend')));
    const url = await backend.listen();
    const logger = new CollectingLogger();
    const gateway = await startGateway({
      logger,
      handlers: Object.fromEntries(
        // A breaker each, so that one that opens does not hide what the backend does to the others.
        Array.from({ length: CLIENTS }, (_each, index) => [`event-${index}`, url]),
      ),
      handlerAttemptMs: 250,
      eventsBurst: 1_000,
    });
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => gateway.connect()));
    const all = await Promise.all(clients.map((client, index) => sendAll(client, `event-${index}`, index)));
    await Promise.all(clients.map((client) => client.settled()));

    for (const { sent, order } of all) {
      expect(order).toEqual(sent.map(({ number }) => number));
      for (const { number, answers } of sent) {
        expect(answers).toHaveLength(1);
        const [answer] = answers;
        if (answer!.ok) expect(answer).toEqual({ ok: true, data: number });
        else expect(MAY_BE_TOLD).toContain(answer!.error!.code);
      }
    }
    const told = JSON.stringify([all, logger.lines]);
    for (const part of ['hunter2', 'postgres', BACKEND_SECRET]) expect(told).not.toContain(part);
    expect(backend.trapped).toBe(0);
    // What the gateway does not take fills the buffers of two sockets, and no more.
    expect(backend.mostWritten).toBeLessThan(16 * 1024 * 1024);
    expect(backend.requests).toBeGreaterThan(CLIENTS);
    await gateway.close();
    await backend.stop();
  });
});

function sendAll(
  client: TestClient,
  event: string,
  of: number,
): Promise<{ sent: readonly Sent[]; order: readonly number[] }> {
  const order: number[] = [];
  const sent = Array.from({ length: EVENTS_OF_EACH }, (_each, index) => ({
    number: of * 1_000 + index,
    answers: [] as Answer[],
  }));
  return new Promise((resolve) => {
    for (const { number, answers } of sent) {
      client.emit(event, number, (answer: Answer) => {
        answers.push(answer);
        if (order.push(number) === sent.length) resolve({ sent, order });
      });
    }
  });
}
