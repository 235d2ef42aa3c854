import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt } from '../../support/arrivals.js';
import { counted } from '../../support/embedding.js';
import { readAgain, stopReading } from '../../support/not-reading.js';
import { RawPolling } from '../../support/raw-clients.js';
import { until } from '../../support/until.js';

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

describe('publications that a client did not read', () => {
  const TEXT = 'x'.repeat(20_000);
  let gateway: TestGateway;

  beforeEach(async () => {
    gateway = await startGateway({ maxBufferedBytes: 500_000 });
  });
  afterEach(async () => {
    await gateway?.close();
  });

  const isEnded = async (user: string): Promise<boolean> => !(await gateway.registry.getUser(user)).online;

  /** Publishes until the user has been ended for not reading; then as many to another, so that all have been counted. */
  async function publishTo(user: string): Promise<number> {
    let sent = 0;
    while (!(await isEnded(user))) {
      // Several in one turn: they leave in one write.
      for (let ofTurn = 0; ofTurn < 3; ofTurn++, sent++) {
        void gateway.broadcaster.toUsers(user).emit('tick', sent, TEXT);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    const other = await gateway.connect({ auth: { user: 'other' } });
    for (let count = 0; count < sent; count++) await gateway.broadcaster.toUsers('other').emit('tock');
    await other.settled();
    return sent;
  }

  const undelivered = (): Promise<number> =>
    counted(gateway, 'undelivered_total', { cause: 'slow_consumer' });

  /** To the slow one, those to the other left out: to it of the turns after its end there were none any longer. */
  const matchedOf = async (sent: number): Promise<number> =>
    (await counted(gateway, 'deliveries_total')) + (await undelivered()) - sent;

  it('[D10] are counted under slow_consumer when it is cut off, and not as delivered', async () => {
    const client = await gateway.connect({ auth: { user: 'slow' } });
    stopReading(client);
    const sent = await publishTo('slow');
    // It has a moment to take what was written to it.
    await until('it is cut off', async () => (await undelivered()) > 0);
    readAgain(client);
    await client.next('disconnect');
    const arrived = arrivedAt(client, 'tick').length;
    for (let count = 0; count < sent; count++) await gateway.broadcaster.toUsers('other').emit('tock');
    expect(await undelivered()).toBe((await matchedOf(2 * sent)) - arrived);
  });

  it('[D10] are not counted when it takes them after all', async () => {
    const client = await gateway.connect({ auth: { user: 'slow' } });
    stopReading(client);
    const sent = await publishTo('slow');
    readAgain(client);
    await client.next('disconnect');
    expect(arrivedAt(client, 'tick').length + (await undelivered())).toBe(await matchedOf(sent));
  });

  it('[D10] are counted of a client that polls no more', async () => {
    const raw = await RawPolling.connect(gateway.url, { user: 'slow' });
    const sent = await publishTo('slow');
    // None of them was taken by a poll.
    expect(await undelivered()).toBe(await matchedOf(sent));
    expect((await raw.poll()).status).toBe(400);
  });

  it('[D10] [D5] are no volatile ones: these were dropped as such', async () => {
    const client = await gateway.connect({ auth: { user: 'slow' } });
    stopReading(client);
    let dropped = 0;
    while (dropped === 0) {
      await gateway.broadcaster.toUsers('slow').volatile().emit('tick', TEXT);
      dropped = await counted(gateway, 'undelivered_total', { cause: 'volatile' });
    }
    expect(await undelivered()).toBe(0);
    await publishTo('slow');
    await until('it is cut off', async () => (await undelivered()) > 0);
    expect(await counted(gateway, 'undelivered_total', { cause: 'volatile' })).toBe(dropped);
  });
});
