import fc from 'fast-check';
import { Decoder, Encoder, PacketType, type Packet } from 'socket.io-parser';
import { refusalOf } from '../../test/support/refusal.js';
import {
  assertDeliverable,
  decodeArgument,
  decodeArguments,
  encodeBinary,
  encodeUnchecked,
  isBinary,
  MAX_BINARY_PARTS,
  MAX_DEPTH,
  measureValue,
  wireCopy,
} from './json.js';

/** One argument, as it is taken in among others. */
const decodeBinary = (value: unknown): unknown => decodeArguments([value])[0];

const nested = (levels: number, bottom: unknown = 'bottom'): unknown => {
  let value = bottom;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { down: value };
  return value;
};

/** JSON as `JSON.parse` gives it: keys such as `__proto__` are keys like any other. */
const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

/** JSON values with binary among them. */
const { value: mixed } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<unknown>(null, true, 0, 1.5, '', 'text', 'AQID'),
    fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 4 }),
    // The one object that cannot be told from a binary part is left out.
    fc.dictionary(fc.constantFrom('a', 'b', '__proto__x', 'constructor'), tie('value'), { maxKeys: 3 }),
  ),
}));

describe('measuring values', () => {
  it('[Q5] a hundred thousand levels are measured without a deep stack, and found too deep', () => {
    expect(measureValue(nested(100_000)).depth).toBeGreaterThan(MAX_DEPTH);
    expect(refusalOf(() => assertDeliverable([nested(100_000)])).code).toBe('payload.invalid');
  });

  it('[D3] the list of arguments counts as one level', () => {
    expect(measureValue([nested(3)]).depth).toBe(4);
    expect(() => assertDeliverable([nested(MAX_DEPTH - 1)])).not.toThrow();
    expect(refusalOf(() => assertDeliverable([nested(MAX_DEPTH)])).errors).toEqual([
      { path: 'args', message: 'expected at most 64 levels of nesting' },
    ]);
  });

  it('[D3] ten binary parts are deliverable in any form and place, eleven are not', () => {
    const forms = [Buffer.from('a'), new ArrayBuffer(2), new Uint8Array(1), new DataView(new ArrayBuffer(1))];
    const parts = Array.from({ length: MAX_BINARY_PARTS }, (_, index) => forms[index % forms.length]);
    expect(measureValue([{ a: parts }]).binaryParts).toBe(10);
    expect(() => assertDeliverable([{ a: parts }])).not.toThrow();
    expect(refusalOf(() => assertDeliverable([{ a: parts }, [Buffer.from('b')]])).errors).toEqual([
      { path: 'args', message: 'expected at most 10 binary parts' },
    ]);
  });

  it('[D3] bytes of a large binary part are not visited', () => {
    expect(measureValue([Buffer.alloc(5_000_000)])).toMatchObject({ depth: 1, binaryParts: 1 });
  });

  it('[D3] [H2] the wire format’s placeholder is refused: beside binary clients would take it for a binary part', () => {
    const placeholder = { a: [{ _placeholder: true, num: 3 }] };
    for (const args of [[placeholder], [placeholder, Buffer.from('a')], [Buffer.from('a'), placeholder]]) {
      expect(refusalOf(() => assertDeliverable(args)).errors).toEqual([
        { path: 'args', message: 'expected no object with `_placeholder: true`' },
      ]);
    }
    expect(() => assertDeliverable([{ _placeholder: 1 }, { _placeholder: false, num: 0 }])).not.toThrow();
  });

  it('[D3] a BigInt is refused anywhere, unless it knows how to be JSON', () => {
    for (const args of [[1n], [{ a: [1n] }], [Buffer.from('a'), 1n]]) {
      expect(refusalOf(() => assertDeliverable(args)).errors).toEqual([
        { path: 'args', message: 'expected JSON values, which a BigInt is not' },
      ]);
    }
    expect(() => assertDeliverable([{ cents: 1n, toJSON: () => '0.01' }])).not.toThrow();
  });

  it.each([[undefined], [null], [0], ['text'], [true]])('%j has no depth', (value) => {
    expect(measureValue(value)).toEqual({
      depth: 0,
      binaryParts: 0,
      holdsPlaceholder: false,
      holdsBigInt: false,
    });
  });
});

/** What a client gets of arguments that Socket.IO itself encodes. */
function sent(args: readonly unknown[]): unknown[] {
  const decoder = new Decoder();
  let got: unknown[] = [];
  decoder.on('decoded', ({ data }: Packet) => (got = (data as unknown[]).slice(1)));
  const packet = { type: PacketType.EVENT, nsp: '/', data: ['event', ...args] };
  for (const part of new Encoder().encode(packet)) decoder.add(part);
  return got;
}

describe('objects that say what they are in JSON', () => {
  const bytes = Buffer.from([0, 1, 255]);
  /** Refers to itself and to bytes, as entities of an app may. */
  class Entity {
    readonly self = this;
    readonly password = Buffer.from('hunter2');

    constructor(private readonly shown: unknown) {}

    toJSON(): unknown {
      return this.shown;
    }
  }
  const objects: readonly [what: string, value: unknown, binaryParts: number][] = [
    ['a date', new Date(0), 0],
    ['a date that is none', new Date(NaN), 0],
    ['a URL', new URL('http://localhost/'), 0],
    ['an entity', new Entity({ id: 7, since: new Date(0) }), 0],
    ['an entity that shows bytes', new Entity({ face: bytes }), 1],
    ['an entity that is bytes', new Entity(bytes), 1],
    ['an entity that shows another one', new Entity([new Entity('inner'), new Entity(null)]), 0],
    ['an entity that shows nothing', new Entity(undefined), 0],
  ];

  it.each(objects)('[D3] %s counts as what it shows, for depth and binary parts', (_what, value, parts) => {
    expect(measureValue([value]).binaryParts).toBe(parts);
    expect(() => assertDeliverable([value, [value], { value }])).not.toThrow();
  });

  it.each(objects)('[D3] %s is kept as Socket.IO sends it, beside binary and not', (_what, value) => {
    for (const args of [[value], [[value], { value }], [value, bytes], [{ value, bytes, list: [value] }]]) {
      const got = sent(args);
      expect(sent(wireCopy(args))).toEqual(got);
    }
  });
});

describe('binary in JSON', () => {
  it('[D3] what is encoded for HTTP is decoded to the same bytes', () => {
    fc.assert(
      fc.property(mixed, (value) => {
        fc.pre(measureValue(value).binaryParts <= MAX_BINARY_PARTS);
        const wire = JSON.parse(JSON.stringify(encodeBinary(value))) as unknown;
        expect(decodeBinary(wire)).toEqual(value);
      }),
    );
  });

  it('[D3] JSON without $base64 passes both ways unchanged', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.stringify(decodeBinary(value))).toBe(JSON.stringify(value));
        expect(JSON.stringify(encodeBinary(value))).toBe(JSON.stringify(value));
      }),
    );
  });

  it('[Q5] __proto__ and constructor are data: they stay own keys and touch no prototype', () => {
    const text = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
    for (const pass of [decodeBinary, encodeBinary]) {
      const value = pass(JSON.parse(text)) as object;
      expect(JSON.stringify(value)).toBe(text);
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    }
    expect('polluted' in {}).toBe(false);
  });

  it('[D3] all bytes survive, also of a view into a larger buffer', () => {
    const all = Uint8Array.from({ length: 256 }, (_, index) => index);
    expect(encodeBinary(all.subarray(1, 4))).toEqual({ $base64: 'AQID' });
    expect(encodeBinary(new DataView(all.buffer, 1, 3))).toEqual({ $base64: 'AQID' });
    expect(encodeBinary(all.slice(1, 4).buffer)).toEqual({ $base64: 'AQID' });
    expect(decodeBinary(encodeBinary(all))).toEqual(Buffer.from(all));
  });

  it('[D6] an answer over HTTP that nobody has checked may hold what reads like a placeholder', () => {
    const answer = [{ _placeholder: true, num: 0 }, Buffer.from([1, 2, 3])];
    expect(encodeUnchecked(answer)).toEqual([answer[0], { $base64: 'AQID' }]);
    expect(encodeUnchecked(nested(MAX_DEPTH))).toBeNull();
  });

  it('[D3] what is decoded is measured on the way: as deep and with as many parts as arguments may be', () => {
    const part = { $base64: 'AQID' };
    const parts = (count: number): unknown[] => Array.from({ length: count }, () => part);
    expect(decodeArguments([nested(MAX_DEPTH - 1), ...parts(MAX_BINARY_PARTS)])).toHaveLength(11);
    for (const [args, message] of [
      [[nested(MAX_DEPTH)], 'expected at most 64 levels of nesting'],
      [[nested(100_000)], 'expected at most 64 levels of nesting'],
      [[parts(MAX_BINARY_PARTS), { part }], 'expected at most 10 binary parts'],
      [[[{ _placeholder: true }]], 'expected no object with `_placeholder: true`'],
    ] as const) {
      expect(refusalOf(() => decodeArguments(args)).errors).toEqual([{ path: 'args', message }]);
      expect(refusalOf(() => decodeArgument(args, 'data')).errors).toEqual([{ path: 'data', message }]);
    }
  });

  it.each([
    [{ $base64: 'AQID', more: 1 }],
    [{ base64: 'AQID' }],
    [['$base64', 'AQID']],
    [{ $BASE64: 'AQID' }],
  ])('[D3] %j is not a binary part and stays as it is', (value) => {
    expect(decodeBinary(value)).toEqual(value);
    expect(isBinary(decodeBinary(value))).toBe(false);
  });

  it.each([[1], [null], [['AQID']], ['A'], ['AQ='], ['AQI*'], ['AQID '], ['A-_D'], ['====']])(
    '[D3] {"$base64": %j} is refused with its path and without its value',
    (text) => {
      const error = refusalOf(() => decodeArguments([0, 1, { a: [0, { $base64: text }] }]));
      expect(error.code).toBe('payload.invalid');
      expect(error.errors).toEqual([{ path: 'args.2.a.1', message: 'expected base64 text' }]);
    },
  );
});
