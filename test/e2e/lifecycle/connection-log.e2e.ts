import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { expectUndisturbed } from '../../support/arrivals.js';
import { clientsOf } from '../../support/client-matrix.js';
import { cutOff } from '../../support/not-reading.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { RawPolling, RawWebSocket } from '../../support/raw-clients.js';

const CLIENTS = clientsOf([2, 3, 4]);

const MAX_PAYLOAD_BYTES = 2_000;
const OVERSIZE = 'x'.repeat(MAX_PAYLOAD_BYTES);

describe('the log of connections', () => {
  const logger = new CollectingLogger();
  let gateway: TestGateway;
  let bystander: TestClient;

  beforeAll(async () => {
    gateway = await startGateway({ logger, maxPayloadBytes: MAX_PAYLOAD_BYTES });
    bystander = await gateway.connect({ auth: { user: 'bystander' } });
  });
  afterEach(() => expectUndisturbed(bystander));
  afterAll(async () => {
    await gateway?.close();
  });

  it.each(CLIENTS)(
    '[L6] says who came and who went, v$version by $transport',
    async ({ version, transport }) => {
      const client = await gateway.connect({ version, transport, auth: { user: 'ada' } });
      const socketId = client.id;
      const who = {
        socketId,
        user: 'ada',
        transport,
        protocol: version === 2 ? 3 : 4,
        address: '127.0.0.1',
      };
      expect((await logger.until('a user connected', { socketId })).fields).toEqual(who);
      client.close();
      expect((await logger.until('a user disconnected', { socketId })).fields).toEqual({
        ...who,
        reason: 'client_namespace_disconnect',
        durationMs: expect.any(Number),
        idleMs: expect.any(Number),
        eventsIn: 0,
        eventsOut: 0,
        unsentBytes: 0,
      });
      expect(logger.find('a user connected', { socketId })).toHaveLength(1);
      expect(logger.find('a user disconnected', { socketId })).toHaveLength(1);
    },
  );

  it.each(CLIENTS)(
    '[L6] says when a v$version client by $transport just vanished',
    async ({ version, transport }) => {
      const client = await gateway.connect({ version, transport });
      const socketId = client.id;
      client.breakTransport();
      const { fields } = await logger.until('a user disconnected', { socketId });
      expect(fields).toMatchObject({ reason: 'transport_close', transport });
      // A goodbye of the transport; polling has no code.
      expect(fields['closeCode']).toBe(transport === 'polling' ? undefined : 1005);
    },
  );

  it('[L6] tells a cut connection from one that was closed', async () => {
    const client = await gateway.connect();
    const socketId = client.id;
    cutOff(client);
    const { fields } = await logger.until('a user disconnected', { socketId });
    expect(fields).toMatchObject({ reason: 'transport_close', closeCode: 1006 });
  });

  it.each(CLIENTS)(
    '[Q2] names a message over the limit as the cause, v$version by $transport',
    async ({ version, transport }) => {
      const counted = await endedAs(gateway, 'payload.too_large');
      const client = await gateway.connect({ version, transport, auth: { user: 'greedy' } });
      const socketId = client.id;
      client.emit('room:emit', { room: 'lobby', event: 'news', args: [OVERSIZE] });
      await client.next('disconnect');
      const { fields } = await logger.until('a user disconnected', { socketId });
      expect(fields).toMatchObject({ user: 'greedy', reason: 'payload.too_large' });
      expect(await gateway.registry.getSocket(socketId!)).toBeUndefined();
      expect(await endedAs(gateway, 'payload.too_large')).toBe(counted + 1);
    },
  );

  it.each(CLIENTS)(
    '[Q2] takes what is just under the limit, v$version by $transport',
    async ({ version, transport }) => {
      const client = await gateway.connect({ version, transport });
      await client.request('room:join', { room: 'lobby' });
      const text = 'x'.repeat(MAX_PAYLOAD_BYTES - 200);
      const request = { room: 'lobby', event: 'long', args: [text], echo: true };
      expect(await client.request('room:emit', request)).toMatchObject({ ok: true });
      expect(await client.next('long')).toEqual([text]);
      client.close();
    },
  );

  it('[Q2] ends an oversize post even when the client goes on polling', async () => {
    const raw = await RawPolling.connect(gateway.url, { user: 'greedy poller' });
    expect((await raw.post(`42["say","${OVERSIZE}"]`)).status).toBe(413);
    const { fields } = await logger.until('a user disconnected', { user: 'greedy poller' });
    expect(fields).toMatchObject({ reason: 'payload.too_large', transport: 'polling' });
    expect((await raw.poll()).status).toBe(400);
  });

  it('[Q2] ends an oversize binary frame', async () => {
    const raw = await RawWebSocket.connect(gateway.url, { user: 'greedy binary' });
    raw.send('451-["say",{"_placeholder":true,"num":0}]');
    raw.send(Buffer.alloc(MAX_PAYLOAD_BYTES + 1));
    expect(await raw.closed).toBe(1009);
    const { fields } = await logger.until('a user disconnected', { user: 'greedy binary' });
    expect(fields).toMatchObject({ reason: 'payload.too_large' });
  });
});

/** How many sockets ended for this reason, as an operator sees it. */
async function endedAs(gateway: TestGateway, reason: string): Promise<number> {
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  const line = new RegExp(`^switchboard_disconnections_total\\{reason="${reason}"\\} (\\d+)$`, 'm');
  return Number(line.exec(metrics)?.[1] ?? 0);
}

describe('the log of a connection that was sent much at once', () => {
  it.each(CLIENTS)('[L6] [X1] counts each publication, v$version by $transport', async (how) => {
    const logger = new CollectingLogger();
    const gateway = await startGateway({ logger });
    try {
      const client = await gateway.connect({ ...how, auth: { user: 'ada' } });
      const socketId = client.id!;
      for (let count = 0; count < 20; count++) void gateway.broadcaster.toUsers('ada').emit('news', count);
      await client.settled();
      client.close();
      const { fields } = await logger.until('a user disconnected', { socketId });
      // What tells that all has arrived is a publication or an answer too.
      expect(fields['eventsOut']).toBeGreaterThanOrEqual(20);
      expect(fields['eventsOut']).toBeLessThan(25);
    } finally {
      await gateway.close();
    }
  });
});

describe('the log of a connection that was pinged', () => {
  it('[L6] [X1] says how it fared: events, the last pong, silence before its end', async () => {
    const logger = new CollectingLogger();
    const gateway = await startGateway({ logger, pingIntervalMs: 50, pingTimeoutMs: 60_000 });
    try {
      const client = await gateway.connect({ transport: 'websocket', auth: { user: 'ada' } });
      const socketId = client.id!;
      const { conn } = gateway.app.get(Namespaces).findSocket(socketId)!;
      await gateway.broadcaster.toUsers('ada').emit('news', 1);
      await new Promise((heard) => conn.once('heartbeat', heard));
      await client.request('socket:info');
      await client.request('socket:info');
      client.close();
      const { fields } = await logger.until('a user disconnected', { socketId });
      expect(fields).toMatchObject({ eventsIn: 2, eventsOut: 3, lastPongAgoMs: expect.any(Number) });
      expect(fields['idleMs']).toBeLessThanOrEqual(fields['lastPongAgoMs'] as number);
    } finally {
      await gateway.close();
    }
  });
});
