import fc from 'fast-check';
import * as ws from 'ws';
import { textFrame } from './websocket-frame.js';

/** What `ws` itself makes of the same text. */
function frameOfWs(text: string): Buffer {
  const { Sender } = ws as unknown as {
    Sender: { frame(data: Buffer, options: object): Buffer[] };
  };
  const options = { readOnly: false, mask: false, rsv1: false, opcode: 1, fin: true };
  return Buffer.concat(Sender.frame(Buffer.from(text), options));
}

describe('a text frame', () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 100_000])('is what ws makes of %i bytes', (length) => {
    expect(textFrame('x'.repeat(length)).equals(frameOfWs('x'.repeat(length)))).toBe(true);
  });

  it('is what ws makes of any Unicode text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(textFrame(text).equals(frameOfWs(text))).toBe(true);
      }),
    );
  });
});
