import type { Adapter } from 'socket.io-adapter';
import type { Packet } from 'socket.io-parser';

/** What is private in the types of Socket.IO's adapter, and part of what its own adapters work with. */
interface AdapterInternals {
  readonly encoder: { encode(packet: Packet): unknown[] };
}

/** Encodes a packet: its text, and the binary parts behind it. */
export const encodePacket = (adapter: Adapter, packet: Packet): unknown[] =>
  (adapter as unknown as AdapterInternals).encoder.encode(packet);
