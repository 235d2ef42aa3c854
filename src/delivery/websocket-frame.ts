/** Length codes of RFC 6455, 5.2: up to 125 the length itself, then 16 or 64 bits follow. */
const MAX_SHORT_LENGTH = 125;
const MAX_16_BIT_LENGTH = 0xffff;
const LENGTH_16_BIT = 126;
const LENGTH_64_BIT = 127;

/** FIN and opcode 1: a whole text message. */
const FINAL_TEXT = 0x81;

/**
 * A text message as one unmasked WebSocket frame, header and payload in one buffer.
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-5.2
 */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headerLength = length <= MAX_SHORT_LENGTH ? 2 : length <= MAX_16_BIT_LENGTH ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + length);
  frame[0] = FINAL_TEXT;
  if (headerLength === 2) {
    frame[1] = length;
  } else if (headerLength === 4) {
    frame[1] = LENGTH_16_BIT;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = LENGTH_64_BIT;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, headerLength);
  return frame;
}
