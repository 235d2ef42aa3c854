/** WebSocket by hand: frames that no library would write. */
import { invalidUtf8, MAX_PAYLOAD_BYTES } from './values.js';

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/**
 * One frame of a client.
 *
 * @param {{ fin?: boolean, rsv?: number, opcode?: number, masked?: boolean, claimedLength?: number | bigint }} how
 */
export function frame(payload, { fin = true, rsv = 0, opcode = TEXT, masked = true, claimedLength } = {}) {
  const data = Buffer.from(payload);
  const length = claimedLength ?? data.length;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode, 0];
  let extended = Buffer.alloc(0);
  if (length < 126) {
    head[1] = Number(length);
  } else if (length < 65_536) {
    head[1] = 126;
    extended = Buffer.alloc(2);
    extended.writeUInt16BE(Number(length));
  } else {
    head[1] = 127;
    extended = Buffer.alloc(8);
    extended.writeBigUInt64BE(BigInt(length));
  }
  if (!masked) return Buffer.concat([Buffer.from(head), extended, data]);
  head[1] |= 0x80;
  const mask = Buffer.from([0x5a, 0xa5, 0x3c, 0xc3]);
  for (let index = 0; index < data.length; index++) data[index] ^= mask[index & 3];
  return Buffer.concat([Buffer.from(head), extended, mask, data]);
}

/** The frame, or the frames, of one packet. */
export const packetFrame = (packet) => frame(packet, { opcode: typeof packet === 'string' ? TEXT : BINARY });

/** A packet in pieces, now and then with a control frame between them. */
export function fragmented(random, packet) {
  const data = Buffer.from(packet);
  const pieces = [];
  let opcode = typeof packet === 'string' ? TEXT : BINARY;
  for (let at = 0; at < data.length || pieces.length === 0;) {
    const size = random.int(0, Math.max(1, Math.ceil(data.length / 3)));
    const fin = at + size >= data.length;
    pieces.push(frame(data.subarray(at, at + size), { fin, opcode }));
    if (!fin && random.chance(0.2)) pieces.push(frame('hi', { opcode: random.pick([PING, PONG]) }));
    opcode = CONTINUATION;
    at += size;
    if (fin) break;
  }
  return Buffer.concat(pieces);
}

const BROKEN = [
  ['unmasked', (random, packet) => frame(packet, { masked: false })],
  ['reserved-bits', (random, packet) => frame(packet, { rsv: random.int(1, 7) })],
  ['opcode', (random, packet) => frame(packet, { opcode: random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) })],
  ['stray-continuation', (random, packet) => frame(packet, { opcode: CONTINUATION })],
  ['nested-start', (random, packet) => Buffer.concat([frame(packet, { fin: false }), frame(packet)])],
  [
    'endless-fragments',
    (random) =>
      Buffer.concat(
        random.several(200, (r) => frame(r.chance(0.5) ? '' : 'x', { fin: false, opcode: CONTINUATION })),
      ),
  ],
  [
    'too-many-fragments',
    () =>
      Buffer.concat([
        frame('4', { fin: false }),
        ...Array.from({ length: 3000 }, () => frame('', { fin: false, opcode: CONTINUATION })),
      ]),
  ],
  ['fragmented-control', () => frame('x', { fin: false, opcode: PING })],
  ['long-control', () => frame('x'.repeat(126), { opcode: PING })],
  ['control', (random) => frame('x'.repeat(random.int(0, 125)), { opcode: random.pick([PING, PONG]) })],
  [
    'close-code',
    (random) => frame(Buffer.from([random.int(0, 20), random.int(0, 255), 0x78]), { opcode: CLOSE }),
  ],
  ['close-short', () => frame(Buffer.from([3]), { opcode: CLOSE })],
  [
    'close-utf8',
    (random) => frame(Buffer.concat([Buffer.from([3, 0xe8]), invalidUtf8(random)]), { opcode: CLOSE }),
  ],
  [
    'text-utf8',
    (random) => frame(Buffer.concat([Buffer.from('42["'), invalidUtf8(random), Buffer.from('"]')])),
  ],
  [
    'claims-huge',
    (random) =>
      frame('42', {
        claimedLength: random.pick([MAX_PAYLOAD_BYTES + 1, 2 ** 31, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]),
      }),
  ],
  [
    'claims-more',
    (random, packet) => frame(packet, { claimedLength: Buffer.byteLength(packet) + random.int(1, 500) }),
  ],
  [
    'claims-less',
    (random, packet) =>
      frame(packet, { claimedLength: Math.max(0, Buffer.byteLength(packet) - random.int(1, 5)) }),
  ],
  ['oversized', () => frame('4'.repeat(MAX_PAYLOAD_BYTES + 1))],
  [
    'oversized-fragments',
    () =>
      Buffer.concat([
        frame('4'.repeat(60_000), { fin: false }),
        frame('4'.repeat(60_000), { opcode: CONTINUATION }),
      ]),
  ],
  ['garbage', (random) => random.bytes(random.int(1, 200))],
];

/** Bytes that are not the frame of any packet. */
export function brokenFrame(random, packet) {
  const [kind, make] = random.pick(BROKEN);
  return { kind: `frame:${kind}`, bytes: make(random, packet) };
}
