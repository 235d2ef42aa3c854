/** Engine.IO packets with Socket.IO packets in them: valid ones and every way we know to get them wrong. */
import {
  deepJson,
  eventName,
  jsonText,
  MAX_PAYLOAD_BYTES,
  mutate,
  oddName,
  position,
  roomName,
  userName,
} from './values.js';
import { roomTokenText, tokenText } from './credentials.js';

const text = (kind, ...packets) => ({ kind, packets });
const json = JSON.stringify;

const REQUESTS = [
  (random) => ['room:join', { room: roomName(random) }],
  (random) => ['room:join', { room: oddName(random), token: 'x.y.z' }],
  (random) => ['room:join', { room: roomName(random), since: position(random), meta: random.chance(0.5) }],
  (random) => ['room:leave', { room: roomName(random) }],
  (random) => [
    'room:emit',
    { room: roomName(random), event: eventName(random), args: [1, 'two'], echo: true },
  ],
  (random) => ['room:members', { room: roomName(random), limit: random.pick([1, 1000, 0, -1, 1e9]) }],
  (random) => ['room:members', { room: roomName(random), cursor: oddName(random) }],
  (random) => ['room:history', { room: roomName(random) }],
  (random) => [
    'room:history',
    { room: roomName(random), since: position(random), limit: random.pick([1, 10, 1000, 0, -1, 1e9]) },
  ],
  () => ['socket:info'],
  (random) => ['auth:refresh', { token: tokenText(random, userName(random)) }],
  (random) => {
    const room = roomName(random);
    return ['room:join', { room, token: roomTokenText(random, userName(random), room), presence: true }];
  },
  (random) => [
    'room:emit',
    {
      room: roomName(random),
      event: eventName(random),
      args: ['a text', random.pick(['AAAAAAAA.0', 'x'])],
      volatile: random.chance(0.5),
      id: random.pick(['once', 'twice', '', 'x'.repeat(65), 7]),
    },
  ],
];

/** `since` and `meta` as no client writes them. */
const positionRequest = (random) => {
  const name = random.pick(['room:join', 'room:history']);
  const since = random.chance(0.5) ? jsonText(random, 1) : json(position(random));
  const meta = random.chance(0.5) ? jsonText(random, 1) : 'true';
  return `42${acknowledgement(random)}[${json(name)},{"room":${json(roomName(random))},"since":${since},"meta":${meta}}]`;
};

const acknowledgement = (random) =>
  random.weighted([
    [6, String(random.int(0, 1000))],
    [3, ''],
    [1, random.pick(['99999999999999999999', '9007199254740993', '00', '-1', '1.5', '1e3', '0x1'])],
  ]);

const validRequest = (random) => `42${acknowledgement(random)}${json(random.pick(REQUESTS)(random))}`;

const REQUEST_NAMES = [
  'room:join',
  'room:leave',
  'room:emit',
  'room:members',
  'room:history',
  'socket:info',
  'auth:refresh',
];

/** Kinds of input, each with its weight. */
const KINDS = [
  [20, (random) => text('valid', validRequest(random))],
  [10, (random) => text('mutated', mutate(random, validRequest(random)))],
  [
    8,
    (random) =>
      text('payload', `42${random.int(0, 99)}[${json(random.pick(REQUEST_NAMES))},${jsonText(random)}]`),
  ],
  [
    4,
    (random) =>
      text(
        'emit-payload',
        `42${random.int(0, 99)}["room:emit",{"room":"lobby","event":${json(eventName(random))},"args":[${jsonText(random)}]}]`,
      ),
  ],
  [
    4,
    (random) =>
      text(
        'arguments',
        `42["socket:info",${random.several(random.int(1, 6), () => jsonText(random)).join()}]`,
      ),
  ],
  [4, (random) => text('position', positionRequest(random))],
  [4, (random) => text('event-name', `42${random.int(0, 9)}[${json(eventName(random))},1]`)],
  [
    3,
    (random) =>
      text(
        'no-event',
        `42${random.pick(['', '1'])}${random.pick(['{}', '"x"', 'null', '[]', '[1]', '[null]', '[{}]', '[[]]', '[true]', '1', ''])}`,
      ),
  ],
  [2, (random) => text('deep', `42["room:emit",${deepJson(random)}]`)],
  [4, (random) => text('attachments', attachments(random))],
  [4, (random) => placeholders(random)],
  [2, (random) => text('stray-binary', random.bytes(random.int(0, 40)))],
  [
    3,
    (random) =>
      text(
        'acknowledgement',
        `43${acknowledgement(random)}${random.pick(['[]', '[1]', '{}', '', '[{"ok":true}]', 'null'])}`,
      ),
  ],
  [
    1,
    (random) => ({
      kind: 'binary-acknowledgement',
      packets: [`461-${random.int(0, 9)}[{"_placeholder":true,"num":0}]`, random.bytes(4)],
    }),
  ],
  [4, (random) => text('namespace', namespace(random))],
  [
    2,
    (random) =>
      text(
        'connect-again',
        `40${random.pick(['', '{}', '[]', 'null', '1', '{"token":1}', '{"token":"a.b.c"}', '{"user":{}}', jsonText(random)])}`,
      ),
  ],
  [2, (random) => text('disconnect', `41${random.pick(['', '{}', '1', '/x,'])}`)],
  [2, (random) => text('connect-error', `44${random.pick(['', '{}', '"x"', '{"message":1}'])}`)],
  [
    4,
    (random) =>
      text(
        'engine-type',
        random.pick([
          '',
          '0',
          '0{}',
          '1',
          '2',
          '2probe',
          '3',
          '3probe',
          '5',
          '6',
          '7',
          '8',
          '9',
          ':',
          '47',
          '48[]',
          '49',
          '4x',
          '4',
          '-',
          '\u0000',
        ]),
      ),
  ],
  [1, (random) => text('base64', `b${random.pick(['', 'AAAA', '!!!!', 'A', '4NDI=', 'BAAA'])}`)],
  [
    0.3,
    (random) =>
      text(
        'large',
        `42["room:emit",{"room":"lobby","event":"x","args":["${'x'.repeat(random.pick([50_000, MAX_PAYLOAD_BYTES - 70, MAX_PAYLOAD_BYTES, 150_000]))}"]}]`,
      ),
  ],
];

/** Counts of binary parts that do not fit. */
function attachments(random) {
  const count = random.pick([
    '',
    '0',
    '1',
    '2',
    '10',
    '11',
    '99999999999',
    '-1',
    '1.5',
    '1e9',
    '0x2',
    'a',
    '--',
  ]);
  return `45${count}${random.pick(['-', '', '/'])}["room:emit",${jsonText(random, 1)}]`;
}

/** Marks of binary parts that are not there, followed by some binary parts or by none. */
function placeholders(random) {
  const num = random.pick([
    '0',
    '1',
    '-1',
    '99',
    '1e9',
    '0.5',
    '"0"',
    'null',
    '{}',
    '"__proto__"',
    '"length"',
  ]);
  const args = `[{"_placeholder":true,"num":${num}}]`;
  const body = `["room:emit",{"room":"lobby","event":"binary","args":${args},"echo":true}]`;
  const count = random.int(0, 3);
  return {
    kind: 'placeholders',
    packets: [
      `45${count}-${body}`,
      ...random.several(random.int(0, count), () => random.bytes(random.int(0, 30))),
    ],
  };
}

function namespace(random) {
  const name = random.pick([
    '/other',
    '/__proto__',
    '/constructor',
    '/',
    '//',
    `/${'n'.repeat(2000)}`,
    '/a?token=1',
    '/\u0000',
  ]);
  return random.pick([
    `40${name},`,
    `40${name},{"a":1}`,
    `42${name},["room:join",{"room":"lobby"}]`,
    `41${name},`,
    `43${name},1[]`,
    `42${name}`,
  ]);
}

/** One input: the packets of one message, text or binary. */
export const packetInput = (random) => random.weighted(KINDS)(random);
