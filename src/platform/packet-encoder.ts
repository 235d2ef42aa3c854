import type { Adapter } from 'socket.io-adapter';
import type { Packet } from 'socket.io-parser';
import type { EncodedOptions } from './socket-of-io.js';

/** What is private in the types of Socket.IO's adapter, and part of what its own adapters work with. */
interface AdapterInternals {
  readonly encoder: { encode(packet: Packet): unknown[] };
  _encode(packet: Packet, options: EncodedOptions): unknown[];
}

const inside = (adapter: Adapter): AdapterInternals => adapter as unknown as AdapterInternals;

/**
 * Encodes a packet for many recipients: what is plain text is framed as well, so that `ws` need not do it for each. The
 * frame is kept in the options.
 */
export const encodeFramed = (adapter: Adapter, packet: Packet, options: EncodedOptions): unknown[] =>
  inside(adapter)._encode(packet, options);

/** Encodes a packet, without a frame. */
export const encodeUnframed = (adapter: Adapter, packet: Packet): unknown[] =>
  inside(adapter).encoder.encode(packet);
