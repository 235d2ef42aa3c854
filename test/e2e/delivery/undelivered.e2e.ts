import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt } from '../../support/arrivals.js';
import { counted } from '../../support/embedding.js';
import { readAgain, stopReading } from '../../support/not-reading.js';

const PUBLICATIONS = 200;

describe('publications that a socket was not ready for', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ maxBufferedBytes: 64_000_000 });
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it('[D10] [D5] are counted as dropped and not as delivered', async () => {
    const client = await gateway.connect();
    stopReading(client);
    const text = 'x'.repeat(100_000);
    for (let sent = 0; sent < PUBLICATIONS; sent++) {
      await gateway.broadcaster.toAll().volatile().emit('tick', text);
      await new Promise((resolve) => setImmediate(resolve));
    }
    readAgain(client);
    await client.settled();
    const arrived = arrivedAt(client, 'tick').length;
    expect(arrived).toBeLessThan(PUBLICATIONS);
    expect(await counted(gateway, 'deliveries_total')).toBe(arrived);
    expect(await counted(gateway, 'undelivered_total', { cause: 'volatile' })).toBe(PUBLICATIONS - arrived);
  });
});
