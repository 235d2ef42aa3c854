/** What one fuzzing client does: its inputs are chosen first, by the seed alone, and then sent. */
import { randomBytes } from 'node:crypto';
import { apiInput } from './api-requests.js';
import { authorizationText, tokenText } from './credentials.js';
import { packetInput } from './packets.js';
import { RawConnection } from './raw-connection.js';
import { invalidUtf8, sessionClaim, userName } from './values.js';
import { brokenFrame, fragmented, packetFrame } from './websocket-frames.js';

/** A request that has been read whole is answered by then, or it never is. */
const ANSWER_TIMEOUT_MS = 10_000;
/** How long to wait for something that may well not come. */
const PATIENCE_MS = 150;

const PROBE = '42777["socket:info"]';
const PROBE_ANSWER = '43777[';
const RECORD_SEPARATOR = '\u001e';

const upgradeRequest = (path, headers = {}) => {
  const all = {
    Host: '127.0.0.1',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
};

const enginePath = (protocol, transport, sid) =>
  `/socket.io/?EIO=${protocol}&transport=${transport}${sid ? `&sid=${sid}` : ''}`;

const sidOf = (text) => /"sid":"([^"]+)"/.exec(text)?.[1];

/** What a client says of itself in `auth`, as JSON without its braces. */
const introduction = (random, { secured }) => {
  const user = userName(random);
  const token = secured && random.chance(0.9) ? `,"token":${JSON.stringify(tokenText(random, user))}` : '';
  return `"user":"${user}"${token}`;
};

/** The same in the query of 2.x clients. */
const introductionQuery = (random, { secured }) => {
  const user = userName(random);
  const token = secured && random.chance(0.9) ? `&token=${encodeURIComponent(tokenText(random, user))}` : '';
  return `&user=${user}${token}`;
};

/** Packets by WebSocket, ending now and then with a frame that is none. */
function webSocketSession(random, mode) {
  const protocol = random.chance(0.75) ? 4 : 3;
  const isConnected = random.chance(0.9);
  const auth = introduction(random, mode);
  const claim = random.chance(0.4) ? `,${sessionClaim(random)}` : '';
  const inputs = random.several(random.int(4, 30), packetInput);
  const writes = inputs.map(({ packets }) =>
    Buffer.concat(
      packets.map((packet) => (random.chance(0.15) ? fragmented(random, packet) : packetFrame(packet))),
    ),
  );
  if (random.chance(0.7)) {
    const broken = brokenFrame(random, inputs[0].packets[0]);
    inputs.push(broken);
    writes.push(broken.bytes);
  }
  const pieces = random.chance(0.1) ? random.int(2, 40) : 1;
  const readsOn = !random.chance(0.03);
  return {
    kinds: [...(claim ? ['session-claim'] : []), ...inputs.map(({ kind }) => kind)],
    async run(target) {
      const connection = target.connect();
      connection.write(upgradeRequest(enginePath(protocol, 'websocket')));
      await connection.until((text) => (text.includes('"sid"') ? true : undefined), ANSWER_TIMEOUT_MS);
      if (isConnected) connection.write(packetFrame(`40{${auth}${claim}}`));
      if (!readsOn) connection.stopReading();
      for (const bytes of writes) {
        if (connection.isClosed) break;
        if (pieces > 1) await connection.drip(bytes, pieces);
        else connection.write(bytes);
      }
      connection.write(packetFrame(PROBE));
      await connection.until((text) => (text.includes(PROBE_ANSWER) ? true : undefined), PATIENCE_MS);
      connection.destroy();
    },
  };
}

/** Several packets as one polling body. */
function pollingBody(random, protocol, inputs) {
  const packets = inputs.flatMap(({ packets }) => packets);
  if (random.chance(0.05)) return Buffer.concat([invalidUtf8(random), random.bytes(10)]);
  if (protocol === 4) {
    const texts = packets.map((packet) =>
      typeof packet === 'string' ? packet : `b${packet.toString('base64')}`,
    );
    return Buffer.from(texts.join(RECORD_SEPARATOR));
  }
  const texts = packets.map((packet) => {
    const text = typeof packet === 'string' ? packet : `b4${packet.toString('base64')}`;
    const length = random.chance(0.9) ? text.length : random.pick([0, -1, 'x', text.length + 9, 1e15, '']);
    return `${length}:${text}`;
  });
  return Buffer.from(texts.join(''));
}

/** Bodies of long-polling, right and wrong, one after another and now and then two at once. */
function pollingSession(random, mode) {
  const protocol = random.chance(0.6) ? 4 : 3;
  const auth = introduction(random, mode);
  const authQuery = introductionQuery(random, mode);
  const posts = random.several(random.int(2, 8), () => {
    const inputs = random.several(random.int(1, 5), packetInput);
    const type = random.weighted([
      [8, 'text/plain;charset=UTF-8'],
      [1, 'application/octet-stream'],
      [1, 'application/json'],
    ]);
    return { inputs, type, body: pollingBody(random, protocol, inputs), pollsTwice: random.chance(0.05) };
  });
  return {
    kinds: posts.flatMap(({ inputs }) => inputs.map(({ kind }) => `polling:${kind}`)),
    async run(target) {
      const connection = target.connect();
      const ask = async (
        method,
        path,
        { body = '', type = 'text/plain', timeoutMs = ANSWER_TIMEOUT_MS } = {},
      ) => {
        const data = Buffer.from(body);
        const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${type}\r\nContent-Length: ${data.length}\r\n\r\n`;
        connection.write(Buffer.concat([Buffer.from(head), data]));
        return connection.answer(timeoutMs);
      };
      const query = protocol === 3 ? authQuery : '';
      const opening = await ask('GET', enginePath(protocol, 'polling') + query);
      // Clients of 2.x say it on every request; their session is bound to that.
      const path = enginePath(protocol, 'polling', sidOf(opening?.body ?? '')) + query;
      if (protocol === 4) await ask('POST', path, { body: `40{${auth}}` });
      for (const { body, type, pollsTwice } of posts) {
        if (connection.isClosed) break;
        await ask('POST', path, { body, type });
        if (pollsTwice) {
          const second = target.connect();
          second.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
          connection.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
          await second.answer(PATIENCE_MS);
          second.destroy();
        }
      }
      if (!connection.isClosed) await ask('GET', path, { timeoutMs: PATIENCE_MS });
      connection.destroy();
    },
  };
}

/** An upgrade from polling that stops half way, or goes on with something else. */
function halfUpgrade(random, mode) {
  const protocol = random.chance(0.7) ? 4 : 3;
  const auth = introductionQuery(random, mode);
  const inputs = random.several(random.int(1, 6), packetInput);
  const frames = inputs.flatMap(({ packets }) => packets.map((packet) => packetFrame(packet)));
  const steps = random.pick([
    ['2probe'],
    ['2probe', ...frames],
    ['2probe', '5', ...frames],
    ['5', ...frames],
    frames,
    ['2probe', '2probe', '5', '5', ...frames],
    [],
  ]);
  const staysOnPolling = random.chance(0.5);
  return {
    kinds: inputs.map(({ kind }) => `upgrade:${kind}`),
    async run(target) {
      const polling = target.connect();
      polling.write(`GET ${enginePath(protocol, 'polling')}${auth} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
      const sid = sidOf((await polling.answer(ANSWER_TIMEOUT_MS))?.body ?? '');
      const connection = target.connect();
      connection.write(upgradeRequest(enginePath(protocol, 'websocket', sid)));
      await connection.until((text) => (text.includes('HTTP/1.1 ') ? true : undefined), ANSWER_TIMEOUT_MS);
      for (const step of steps) connection.write(typeof step === 'string' ? packetFrame(step) : step);
      if (staysOnPolling) {
        polling.write(`GET ${enginePath(protocol, 'polling', sid)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
      }
      await connection.until(() => undefined, PATIENCE_MS);
      connection.destroy();
      polling.destroy();
    },
  };
}

/** What costs something each time, from a client that nobody knows yet. */
const FLOOD_PACKETS = [
  '40',
  '40{}',
  '40/nowhere,',
  '40/nowhere?a=1,',
  '40{"token":"e30.e30.e30"}',
  '42["socket:info"]',
  '430[]',
  '41',
  '3',
  '2',
  '6',
  '',
];

/** As much of one packet as a payload holds, or as many frames, before and after a socket is in. */
function flood(random) {
  const protocol = random.chance(0.7) ? 4 : 3;
  const isPolling = random.chance(0.6);
  const packet = random.pick(FLOOD_PACKETS);
  const count = random.int(20, Math.floor(99_000 / (packet.length + 4)));
  const isIn = random.chance(0.3);
  const one = protocol === 4 ? `${packet}${RECORD_SEPARATOR}` : `${packet.length}:${packet}`;
  return {
    kinds: [`flood:${isPolling ? 'polling' : 'websocket'}`],
    async run(target) {
      const connection = target.connect();
      if (!isPolling) {
        connection.write(upgradeRequest(enginePath(protocol, 'websocket')));
        await connection.until((text) => (text.includes('"sid"') ? true : undefined), ANSWER_TIMEOUT_MS);
        if (isIn) connection.write(packetFrame('40'));
        connection.write(
          Buffer.concat(Array.from({ length: Math.min(count, 5_000) }, () => packetFrame(packet))),
        );
        await connection.until(() => undefined, PATIENCE_MS);
        connection.destroy();
        return;
      }
      const ask = (method, path, body = '') => {
        const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n`;
        connection.write(Buffer.from(head + body));
        return connection.answer(ANSWER_TIMEOUT_MS);
      };
      const opening = await ask('GET', enginePath(protocol, 'polling'));
      const path = enginePath(protocol, 'polling', sidOf(opening?.body ?? ''));
      if (isIn && protocol === 4) await ask('POST', path, '40');
      if (!connection.isClosed) await ask('POST', path, one.repeat(count));
      connection.destroy();
    },
  };
}

/** An offer of another protocol with more headers than Node.js keeps: the length of the body may be among the lost. */
function manyHeaders(random) {
  const count = random.int(900, 1_300);
  const headers = Array.from({ length: count }, (_, n) => `x${n}: y\r\n`).join('');
  const inner = 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n';
  const bytes = Buffer.from(
    `POST /v1/emit HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: foo\r\n${headers}Content-Length: ${inner.length}\r\n\r\n${inner}`,
  );
  return {
    kinds: ['many-headers'],
    async run(target) {
      const connection = target.connect();
      connection.write(bytes);
      const answer = await connection.answer(ANSWER_TIMEOUT_MS);
      if (answer?.status === 200) target.report('many-headers: a body was taken for a request', bytes);
      connection.destroy();
    },
  };
}

/** One message in pieces of a byte. */
function tinyFragments(random) {
  const count = random.int(2, 3_000);
  const piece = (isFirst) => Buffer.from([isFirst ? 0x01 : 0x00, 0x81, 0, 0, 0, 0, 0x34]);
  return {
    kinds: ['tiny-fragments'],
    async run(target) {
      const connection = target.connect();
      connection.write(upgradeRequest(enginePath(4, 'websocket')));
      await connection.until((text) => (text.includes('"sid"') ? true : undefined), ANSWER_TIMEOUT_MS);
      connection.write(Buffer.concat(Array.from({ length: count }, (_, n) => piece(n === 0))));
      await connection.until(() => undefined, PATIENCE_MS);
      connection.destroy();
    },
  };
}

/** Connections that say nothing after their first request. */
function silence(random) {
  const transports = random.several(random.int(3, 12), () => random.pick(['polling', 'websocket']));
  return {
    kinds: transports.map((transport) => `silent:${transport}`),
    async run(target) {
      const connections = transports.map((transport) => {
        const connection = target.connect();
        const path = enginePath(4, transport);
        const isPolling = transport === 'polling';
        connection.write(
          isPolling ? Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`) : upgradeRequest(path),
        );
        return connection;
      });
      await Promise.all(connections.map((connection) => connection.until(() => undefined, PATIENCE_MS)));
      for (const connection of connections) connection.destroy();
    },
  };
}

/** One user that comes and goes: in a room that is watched, and with its session. */
function flapping(random, mode) {
  const auth = introduction(random, mode);
  const rounds = random.int(5, 100);
  const frames = Buffer.concat(
    Array.from({ length: rounds }, (_, n) => [
      packetFrame(`42${n}["room:join",{"room":"lobby","presence":true}]`),
      packetFrame('42["room:leave",{"room":"lobby"}]'),
    ]).flat(),
  );
  const breaks = random.int(1, 5);
  return {
    kinds: ['flapping'],
    async run(target) {
      for (let n = 0; n < breaks; n++) {
        const connection = target.connect();
        connection.write(upgradeRequest(enginePath(4, 'websocket')));
        await connection.until((text) => (text.includes('"sid"') ? true : undefined), ANSWER_TIMEOUT_MS);
        connection.write(packetFrame(`40{${auth},"recovery":true}`));
        connection.write(frames);
        await connection.until(() => undefined, PATIENCE_MS);
        connection.destroy();
      }
    },
  };
}

const HANDSHAKES = [
  (random) =>
    upgradeRequest(enginePath(random.pick(['', '2', '5', 'x', '4&EIO=3', '__proto__']), 'websocket')),
  (random) =>
    upgradeRequest(
      enginePath(4, random.pick(['', 'x', 'polling', 'webtransport', '__proto__', 'constructor'])),
    ),
  (random) =>
    upgradeRequest(
      enginePath(4, 'websocket', random.pick(['x', '__proto__', 'constructor', '%00', 'a'.repeat(3000)])),
    ),
  () => upgradeRequest(enginePath(4, 'websocket'), { 'Sec-WebSocket-Version': '8' }),
  () => upgradeRequest(enginePath(4, 'websocket'), { 'Sec-WebSocket-Key': 'short' }),
  () => upgradeRequest(enginePath(4, 'websocket'), { Upgrade: 'h2c' }),
  () => upgradeRequest(enginePath(4, 'websocket'), { Origin: 'http://evil.example' }),
  () =>
    upgradeRequest(enginePath(4, 'websocket'), { 'Sec-WebSocket-Extensions': 'permessage-deflate; x=y; ;;' }),
  () => upgradeRequest(enginePath(4, 'websocket'), { 'Sec-WebSocket-Protocol': ',,' }),
  () => upgradeRequest(enginePath(4, 'websocket')).subarray(0, 60),
  () => upgradeRequest('/elsewhere'),
  () => upgradeRequest('/v1/emit'),
  () => Buffer.concat([upgradeRequest(enginePath(4, 'websocket')), packetFrame('40'), packetFrame('41')]),
  (random) =>
    Buffer.from(
      `GET ${enginePath(4, 'polling', random.pick(['x', '__proto__']))} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
    ),
  () =>
    Buffer.from(
      `GET ${enginePath(4, 'polling')}&j=__proto__ HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\n\r\n`,
    ),
  () =>
    Buffer.from(
      `GET ${enginePath(3, 'polling')}&j=1&b64=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\n\r\n`,
    ),
  () => Buffer.from(`DELETE ${enginePath(4, 'polling')} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`),
  () =>
    Buffer.from(
      `POST ${enginePath(4, 'polling')} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n40`,
    ),
  () =>
    Buffer.from(`OPTIONS ${enginePath(4, 'polling')} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: null\r\n\r\n`),
  () => Buffer.from('GET /socket.io/?%ff&EIO[]=4&transport[x]=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
  (random) => random.bytes(random.int(1, 300)),
];

/** First bytes that no client sends. */
function garbageHandshake(random) {
  const bytes = random.pick(HANDSHAKES)(random);
  const pieces = random.chance(0.2) ? random.int(2, 30) : 1;
  return {
    kinds: ['handshake'],
    async run(target) {
      const connection = target.connect();
      await connection.drip(bytes, pieces);
      await connection.until((text) => (text.includes('HTTP/1.1 ') ? true : undefined), PATIENCE_MS);
      connection.destroy();
    },
  };
}

const REQUEST_LINE = /^[A-Z]+ [^\r\n]* HTTP\/1\.1\r\n/;

/** The request with an `Authorization` header, where it has a place for one. */
function withKey(random, bytes) {
  const authorization = authorizationText(random);
  const line = REQUEST_LINE.exec(bytes.toString('latin1', 0, 8_000))?.[0];
  if (authorization === undefined || line === undefined) return bytes;
  const header = Buffer.from(`Authorization: ${authorization}\r\n`, 'latin1');
  return Buffer.concat([bytes.subarray(0, line.length), header, bytes.subarray(line.length)]);
}

/** Requests to the HTTP API, over one connection for as long as it lasts. */
function apiSession(random, { secured }) {
  const inputs = random.several(random.int(5, 20), (each) => {
    const input = apiInput(each);
    return secured ? { ...input, bytes: withKey(each, input.bytes) } : input;
  });
  return {
    kinds: inputs.map(({ kind }) => kind),
    async run(target) {
      let connection = target.connect();
      for (const { kind, bytes, isFramed, isHead } of inputs) {
        if (connection.isClosed) connection = target.connect();
        connection.write(bytes);
        const answer = await connection.answer(isFramed ? ANSWER_TIMEOUT_MS : PATIENCE_MS, isHead);
        if (isFramed && !answer && !connection.isClosed) target.report(`${kind}: no answer`, bytes);
        target.count(answer?.status);
        if (answer?.status === 500) target.report(`${kind}: answered 500`, bytes);
        // What is left of a broken request would be taken for the start of the next one.
        if (!isFramed) connection.destroy();
        if (!isFramed) connection = target.connect();
      }
      connection.destroy();
    },
  };
}

const SCENARIOS = [
  [5, webSocketSession],
  [3, pollingSession],
  [1, halfUpgrade],
  [1.5, garbageHandshake],
  [4, apiSession],
  [1, flood],
  [0.3, manyHeaders],
  [0.5, tinyFragments],
  [0.5, silence],
  [0.5, flapping],
];

/** A scenario: what it will send, and how. `mode.secured`: whether the gateway wants tokens and keys. */
export const createScenario = (random, mode) => random.weighted(SCENARIOS)(random, mode);

/** What a scenario does things to. */
export class FuzzTarget {
  /**
   * @param count is given the status of every answer of the HTTP API
   * @param report is told of every answer that must not be
   */
  constructor(port, { inspect, count, report }) {
    this.port = port;
    this.count = count;
    this.inspect = inspect;
    this.report = report;
  }

  connect() {
    return new RawConnection(this.port, (text, { received }) => this.inspect(received.slice(-500) + text));
  }
}
