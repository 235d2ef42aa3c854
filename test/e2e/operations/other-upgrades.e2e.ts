import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { sendRaw } from '../../support/raw-http.js';

/** As Java's HttpClient asks by default, and `curl --http2`. */
const OFFER = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' };
const OFFER_LINES = Object.entries(OFFER)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');
const JSON_TYPE = { 'content-type': 'application/json' };

/** Reads on until that was seen as often. */
async function readUntil(socket: Socket, what: string, times = 1): Promise<string> {
  let text = '';
  while (text.split(what).length <= times) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    text += String(chunk);
  }
  return text;
}

describe('a request that offers to go on in HTTP/2', () => {
  let gateway: TestGateway;
  let client: TestClient;

  beforeAll(async () => {
    gateway = await startGateway();
    client = await gateway.connect({ auth: { user: 'ada' } });
  });
  afterAll(() => gateway.close());

  it('[R1] is answered in HTTP/1.1', async () => {
    const answer = await sendRaw(gateway.url, { path: '/v1/users/ada', headers: OFFER });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ user: 'ada', online: true });
    expect((await sendRaw(gateway.url, { path: '/health/live', headers: OFFER })).status).toBe(200);
    expect((await sendRaw(gateway.url, { path: '/', headers: OFFER })).text).toContain('<!doctype html>');
  });

  it('[D1] publishes what is in its body', async () => {
    const answer = await sendRaw(gateway.url, {
      method: 'POST',
      path: '/v1/emit',
      headers: { ...OFFER, ...JSON_TYPE },
      body: JSON.stringify({ to: { users: ['ada'] }, event: 'news', data: 'ü' }),
    });
    expect(answer.status).toBe(202);
    expect(await client.next('news')).toEqual(['ü']);
  });

  it('[E2] gets a problem document when it is bad', async () => {
    const answer = await sendRaw(gateway.url, {
      method: 'POST',
      path: '/v1/emit',
      headers: { ...OFFER, ...JSON_TYPE },
      body: '{',
    });
    expect([answer.status, answer.headers['content-type']]).toEqual([
      400,
      expect.stringMatching(/^application\/problem\+json/),
    ]);
  });

  it('[D4] may come in pieces, after others and before others on its connection', async () => {
    const socket = connect(gateway.port, '127.0.0.1');
    await once(socket, 'connect');
    const emit = (data: number): string => JSON.stringify({ to: { users: ['ada'] }, event: 'n', data });
    const head = (offer: string): string =>
      `POST /v1/emit HTTP/1.1\r\nhost: 127.0.0.1\r\n${offer}content-type: application/json\r\n` +
      `content-length: ${emit(1).length}\r\n\r\n`;
    const accepted = (): Promise<string> => readUntil(socket, 'HTTP/1.1 202');
    for (const [data, offer] of [
      [1, ''],
      [2, OFFER_LINES],
      [3, OFFER_LINES],
      [4, ''],
    ] as const) {
      const answered = accepted();
      socket.write(head(offer) + emit(data).slice(0, 10));
      await client.settled();
      socket.write(emit(data).slice(10));
      await answered;
      expect(await client.next('n')).toEqual([data]);
    }
    socket.destroy();
  });

  it('[Q5] is one request only, also when another one follows in the same packet', async () => {
    const socket = connect(gateway.port, '127.0.0.1');
    const answers = readUntil(socket, 'HTTP/1.1 200', 2);
    const get = (offer: string): string => `GET /v1/stats HTTP/1.1\r\nhost: 127.0.0.1\r\n${offer}\r\n`;
    socket.write(get(OFFER_LINES) + get(''));
    expect((await answers).match(/HTTP\/1\.1 /g)).toHaveLength(2);
    socket.destroy();
  });
});

describe('an embedding app that listens for upgrades itself', () => {
  afterEach(closeEmbeddings);

  it('[C5] is left alone with what it may speak, and WebSocket clients connect', async () => {
    const offered: string[] = [];
    const gateway = await startEmbedding({
      before: (app) =>
        (app.getHttpServer() as Server).on('upgrade', ({ headers }, socket: Duplex) => {
          if (headers.upgrade === 'websocket') return;
          offered.push(headers.upgrade!);
          socket.end('HTTP/1.1 426 Upgrade Required\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
        }),
    });
    expect((await sendRaw(gateway.url, { path: '/', headers: OFFER })).status).toBe(426);
    expect(offered).toEqual(['h2c']);
    const client = await gateway.connect({ transport: 'websocket' });
    await client.settled();
  });
});
