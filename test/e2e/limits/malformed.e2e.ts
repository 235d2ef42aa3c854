import { connect as connectTcp } from 'node:net';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { expectUndisturbed } from '../../support/arrivals.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { RawPolling, RawWebSocket } from '../../support/raw-clients.js';

const placeholders = (count: number): string =>
  Array.from({ length: count }, (_, num) => `{"_placeholder":true,"num":${num}}`).join(',');

const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

/** Frames that no client library sends; a `Buffer` is a binary frame. */
const BAD_FRAMES: readonly [what: string, frames: readonly (string | Buffer)[]][] = [
  ['text that is no packet', ['garbage']],
  ['an empty frame', ['']],
  ['an unknown Socket.IO packet type', ['49']],
  ['an event that is not JSON', ['42[']],
  ['an event that is no list', ['42{"event":"say"}']],
  ['an event with an object for a name', ['42[{"toString":1}]']],
  ['an event with a name that Socket.IO reserves', ['42["disconnect"]']],
  ['an acknowledgement that is no list', ['431{"a":1}']],
  ['a second connect with broken JSON', ['40{']],
  ['a namespace that does not exist, after which it goes on', ['42/nowhere,["say"]']],
  ['more than 10 binary attachments', [`4511-["say",${placeholders(11)}]`]],
  ['a number of attachments that is none', ['45x-["say"]']],
  ['text where an attachment is due', [`451-["say",${placeholders(1)}]`, '42["say"]']],
  ['an attachment that nobody announced', [Buffer.from([1, 2, 3])]],
  [
    'a placeholder for an attachment that never comes',
    ['451-["say",{"_placeholder":true,"num":7}]', Buffer.from([1])],
  ],
];

/** Bytes after the WebSocket handshake. */
const BAD_BYTES: readonly [what: string, bytes: readonly number[]][] = [
  ['a reserved bit', [0xf1, 0x80, 0, 0, 0, 0]],
  ['an unknown opcode', [0x83, 0x80, 0, 0, 0, 0]],
  ['an unmasked frame', [0x81, 0x01, 0x32]],
  ['text that is not UTF-8', [0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]],
  ['a fragment that continues nothing', [0x80, 0x80, 0, 0, 0, 0]],
  ['a length beyond any number', [0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
];

describe('a connection that breaks the protocol', () => {
  const logger = new CollectingLogger();
  let gateway: TestGateway;
  let bystander: TestClient;
  let before: number;
  /** A new name for every test, so that its log lines are found. */
  let user = '';
  let users = 0;

  beforeAll(async () => {
    gateway = await startGateway({ logger });
    bystander = await gateway.connect({ auth: { user: 'bystander' } });
  });
  beforeEach(() => {
    before = logger.lines.length;
    user = `vandal-${++users}`;
  });
  afterEach(async () => {
    await expectUndisturbed(bystander);
    expect((await gateway.http('GET', '/health/live')).status).toBe(200);
    expect(await gateway.registry.getStats()).toMatchObject({ sockets: 1, users: 1 });
    expect(logger.lines.slice(before).filter(({ level }) => level === 'error')).toEqual([]);
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it.each(BAD_FRAMES)('[Q5] is ended alone: %s by WebSocket', async (_what, frames) => {
    const raw = await RawWebSocket.connect(gateway.url, { user });
    for (const frame of frames) raw.send(frame);
    await raw.closed;
    await logger.until('a user disconnected', { user });
    expect(logger.find('a user disconnected', { user })).toHaveLength(1);
    expect(saidOf(raw)).not.toMatch(STACK_TRACE);
  });

  it.each(BAD_BYTES)('[Q5] is ended alone: %s in a WebSocket frame', async (_what, bytes) => {
    const raw = await RawWebSocket.connect(gateway.url, { user });
    raw.sendBytes(bytes);
    await raw.closed;
    await logger.until('a user disconnected', { user });
  });

  it.each(BAD_FRAMES.filter(([, [frame]]) => typeof frame === 'string' && frame !== ''))(
    '[Q5] is ended alone: %s by polling',
    async (_what, frames) => {
      const raw = await RawPolling.connect(gateway.url, { user });
      const body = frames.map((frame) =>
        typeof frame === 'string' ? frame : `b${frame.toString('base64')}`,
      );
      const { text } = await raw.post(body.join('\u001e'));
      expect(text).not.toMatch(STACK_TRACE);
      expect(await raw.pollUntilGone()).not.toMatch(STACK_TRACE);
    },
  );

  it('[Q5] is ended alone: a post of another content type', async () => {
    const raw = await RawPolling.connect(gateway.url, { user });
    await raw.post('42["say"]', 'application/octet-stream');
    await raw.pollUntilGone();
  });

  it('[Q5] is ended alone: two polls at a time', async () => {
    const raw = await RawPolling.connect(gateway.url, { user });
    const polls = await Promise.all([raw.poll(), raw.poll()]);
    expect(polls.map(({ status }) => status).some((status) => status >= 400)).toBe(true);
    await raw.pollUntilGone();
  });

  it('[Q5] is ended alone: 2.x payloads with a wrong length', async () => {
    const raw = await RawPolling.open(gateway.url, { protocol: 3, query: { user } });
    await raw.post('999999999:42["say"]');
    await raw.pollUntilGone();
  });

  it('[Q5] gets an answer to an event too deep for recursion, and goes on', async () => {
    const raw = await RawWebSocket.connect(gateway.url, { user });
    raw.send(`420["say",${deep(40_000)}]`);
    expect(await raw.next('43')).toContain('"code":"event.unknown"');
    raw.send(`421["room:join",${deep(40_000)}]`);
    expect(await raw.next('43')).toContain('"code":"payload.invalid"');
    raw.send('422["room:join",{"room":"lobby"}]');
    expect(await raw.next('43')).toBe('432[{"ok":true,"room":"lobby"}]');
    raw.send(`423["room:emit",{"room":"lobby","event":"deep","args":[${deep(40_000)}],"echo":true}]`);
    expect(await raw.next('43')).toContain('"code":"payload.invalid"');
    raw.close();
    await logger.until('a user disconnected', { user });
  });

  it.each([
    ['an unknown transport', '?EIO=4&transport=pigeon'],
    ['an unknown session', '?EIO=4&transport=polling&sid=nobody'],
    ['a session of the prototype', '?EIO=4&transport=polling&sid=__proto__'],
    ['a websocket without an upgrade', '?EIO=4&transport=websocket'],
    ['nothing at all', ''],
  ])('[Q5] gets a 4xx: %s', async (_what, query) => {
    const answer = await fetch(`${gateway.url}/socket.io/${query}`);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(await answer.text()).not.toMatch(STACK_TRACE);
  });

  it.each([
    ['no HTTP', '\u0000\u0001\u0002 what is this\r\n\r\n'],
    ['a header without a name', 'GET / HTTP/1.1\r\n: x\r\n\r\n'],
    ['a header that goes on and on', `GET / HTTP/1.1\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`],
    [
      'a body of two lengths',
      'POST /v1/emit HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
    ],
    [
      'a broken WebSocket handshake',
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: short\r\nsec-websocket-version: 13\r\n\r\n',
    ],
  ])('[Q5] gets a 4xx and is closed: %s', async (_what, request) => {
    expect(await exchange(gateway.port, request)).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  it('[Q5] is cut off: headers that are not there after 10 s', async () => {
    const began = performance.now();
    expect(await exchange(gateway.port, 'GET / HTTP/1.1\r\nhost: x\r\nx: ')).toMatch(/^HTTP\/1\.1 408 /);
    expect(performance.now() - began).toBeLessThan(20_000);
  }, 40_000);
});

const STACK_TRACE = /node_modules|\n\s+at |\.js:\d+/;

const saidOf = (raw: RawWebSocket): string => raw.frames.map(String).join('\n');

/** Sends bytes over TCP and gives everything that comes back until the gateway closes. */
function exchange(port: number, request: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1', () => socket.write(request));
    let answer = '';
    socket.on('data', (chunk) => (answer += String(chunk)));
    // The gateway may reset a connection whose request it has not read to the end.
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}
