/** Values and names that programs stumble over. */

export const MAX_PAYLOAD_BYTES = 100_000;

const ROOMS = ['lobby', 'chat:1', 'a'.repeat(128), 'x/y=z+#@.-_', 'fuzz'];
const ODD_NAMES = [
  '',
  ' ',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '..',
  '../../etc/passwd',
  '\u0000',
  '\ud800',
  '\u2028',
  'user:',
  'user:fuzz-2',
  'a'.repeat(129),
  'a'.repeat(5000),
  '💥',
  '%00',
  '*',
  "'; drop",
];
const RESERVED_EVENTS = [
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'error',
  'exception',
  'newListener',
  'removeListener',
  'ping',
  'room:presence',
  'server:disconnect',
  'auth:expiring',
  'socket:x',
];
const NUMBERS = [0, -1, 1.5, 1e308, -0, 2 ** 31, 2 ** 53, -(2 ** 53), Number.MAX_SAFE_INTEGER + 2];

/** JSON text that an object literal cannot say. */
const RAW_JSON = [
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"toString":1,"valueOf":null}',
  '{"toJSON":"x","then":"y"}',
  '{"length":4294967295}',
  '{"a":1,"a":2}',
  '{"_placeholder":true,"num":0}',
  '{"_placeholder":true,"num":-1}',
  '{"_placeholder":true,"num":99}',
  '{"_placeholder":true,"num":"0"}',
  '{"_placeholder":true}',
  '{"$base64":"AAAA"}',
  '{"$base64":"not base64!"}',
  '{"$base64":{}}',
  '1e999',
  '9007199254740993',
  '12345678901234567890',
  '{"id":-9223372036854775808}',
  '"\\ud800"',
  '"\\u0000"',
];

export const roomName = (random) => (random.chance(0.8) ? random.pick(ROOMS) : `room-${random.int(0, 20)}`);
export const userName = (random) => `fuzz-${random.int(0, 40)}`;
export const oddName = (random) => random.pick(ODD_NAMES);
export const eventName = (random) =>
  random.weighted([
    [6, 'chat:line'],
    [2, random.pick(RESERVED_EVENTS)],
    [2, oddName(random)],
  ]);

/** A position that no gateway has given. */
export const position = (random) => ({
  epoch: random.pick(['e', '', 'AAAAAAAA', oddName(random)]),
  offset: random.pick([...NUMBERS, 1, 5, '1', null]),
});

/** What a client says that wants a session back which it never had. */
export const sessionClaim = (random) => {
  const text = () =>
    random.pick(['AAAAAAAA.0', 'AAAAAAAA.zz', 'A'.repeat(24), 'A'.repeat(300), oddName(random)]);
  const any = () => (random.chance(0.6) ? JSON.stringify(text()) : jsonText(random, 1));
  const recovery = random.chance(0.8) ? 'true' : jsonText(random, 1);
  return `"recovery":${recovery},"pid":${any()},"offset":${any()}`;
};

/** `[[[…]]]`: deeper than any encoder that recurses can take. */
export const deepJson = (random) => {
  const depth = random.pick([10, 63, 64, 65, 500, 5000, 20_000, 45_000]);
  return random.chance(0.5)
    ? '['.repeat(depth) + ']'.repeat(depth)
    : '{"a":'.repeat(depth / 4) + '1' + '}'.repeat(depth / 4);
};

/** JSON text of any value. */
export function jsonText(random, depth = 3) {
  const kind = random.int(0, depth > 0 ? 9 : 6);
  if (kind === 0) return random.pick(['null', 'true', 'false', '[]', '{}', '""']);
  if (kind === 1) return String(random.pick(NUMBERS));
  if (kind === 2) return JSON.stringify(oddName(random));
  if (kind === 3) return random.pick(RAW_JSON);
  if (kind === 4) return JSON.stringify(roomName(random));
  if (kind === 5) return JSON.stringify('x'.repeat(random.pick([1, 100, 1000])));
  if (kind === 6) return random.chance(0.1) ? deepJson(random) : String(random.int(-5, 2000));
  const items = random.several(random.int(0, 4), () => jsonText(random, depth - 1));
  if (kind === 7) return `[${items.join()}]`;
  return `{${items.map((item) => `${JSON.stringify(oddName(random))}:${item}`).join()}}`;
}

const MUTATIONS = [
  (random, text, at) => text.slice(0, at),
  (random, text, at) => text.slice(at),
  (random, text, at) => text.slice(0, at) + text.slice(at + random.int(1, 3)),
  (random, text, at) =>
    text.slice(0, at) +
    random.pick(['"', '[', ']', '{', '}', ',', ':', '\\', '\u0000', '-', '9', '\u001e', '/']) +
    text.slice(at),
  (random, text, at) => text.slice(0, at) + text.slice(0, at) + text.slice(at),
];

/** The text with something cut out, put in or doubled. */
export function mutate(random, text) {
  return random.pick(MUTATIONS)(random, text, random.int(0, text.length));
}

/** Bytes that are no UTF-8. */
export const invalidUtf8 = (random) =>
  random.pick([
    Buffer.from([0xff, 0xfe, 0xfd]),
    Buffer.from([0xc0, 0xaf]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from([0xf8, 0x88, 0x80, 0x80, 0x80]),
    Buffer.from([0xe2, 0x82]),
    Buffer.from([0x80]),
  ]);
