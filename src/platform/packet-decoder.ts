import type { Decoder, Packet } from 'socket.io-parser';

/** Where the text of a packet becomes a packet; private to Socket.IO's decoder. */
interface ReadsText {
  decodeString?(text: string): Packet;
}

/** From now on decoders of a class show each text to `look`, with the packet that it became. No effect where they read it elsewhere. */
export function lookAtTexts(decoder: typeof Decoder, look: (text: string, packet: Packet) => void): void {
  const prototype = decoder.prototype as unknown as ReadsText;
  const { decodeString } = prototype;
  if (typeof decodeString !== 'function') return;
  prototype.decodeString = function (this: ReadsText, text: string): Packet {
    const packet = decodeString.call(this, text);
    look(text, packet);
    return packet;
  };
}
