import type { Namespace } from 'socket.io';
import type { Adapter } from 'socket.io-adapter';
import { PacketType, type Packet } from 'socket.io-parser';
import type { Stamp } from '../engine/log.js';
import { encodePacket } from '../platform/packet-encoder.js';
import type { EncodedOptions } from '../platform/socket-of-io.js';
import type { Publication } from '../protocol/publication.js';
import { textFrame } from './websocket-frame.js';

/** A packet as it goes out: for Socket.IO's own path, and as one WebSocket frame when it is plain text. */
export interface Encoding {
  readonly packet: Packet;
  readonly packets: unknown[];
  readonly options: EncodedOptions;
  readonly frame: Buffer | undefined;
}

/** How much of it goes to each recipient. */
export function bytesOf({ packets, frame }: Pick<Encoding, 'packets' | 'frame'>): number {
  if (frame) return frame.length;
  return (packets as (string | ArrayBuffer)[]).reduce((sum, part) => sum + Buffer.byteLength(part), 0);
}

/** An event as one packet, with what is added for some sockets only. */
export const eventPacket = (
  { name }: Pick<Namespace, 'name'>,
  { event, args }: Publication,
  added: readonly unknown[] = [],
): Packet => ({ type: PacketType.EVENT, nsp: name, data: [event, ...args, ...added] });

const UNFRAMED: EncodedOptions = { preEncoded: true, volatile: false, compress: false };

/** Encodes a packet once, however many it is for; "4" is Engine.IO's type `message`. */
export function encode(adapter: Adapter, packet: Packet): Encoding {
  const packets = encodePacket(adapter, packet);
  const [text] = packets;
  if (packets.length > 1 || typeof text !== 'string') {
    return { packet, packets, options: UNFRAMED, frame: undefined };
  }
  const frame = textFrame(`4${text}`);
  // Where it takes Socket.IO's own path `ws` is given the frame, and need not make it for each recipient.
  const options = { preEncoded: true, volatile: false, compress: false, wsPreEncodedFrame: [frame] } as const;
  return { packet, packets, options, frame };
}

/** What an encoding asks of a socket's tracking of positions. */
export interface PositionSuffixes {
  readonly recovers: boolean;
  readonly tellsPositions: boolean;
  suffixOf(publication: Publication, stamp: Stamp): Suffix;
  metaOf(publication: Publication, stamp: Stamp): Suffix;
}

/** Arguments that are added to a publication's own, and a key that is the same for the same arguments. */
export interface Suffix {
  readonly key: string;
  readonly args: readonly unknown[];
}

/** The forms in which one publication goes out: one for most sockets, and one for each way of tracking positions. */
export class Encodings {
  private bare: Encoding | undefined;
  private recovering: Encoding | undefined;
  private others: Map<string, Encoding> | undefined;

  constructor(
    private readonly adapter: Adapter,
    private readonly publication: Publication,
  ) {}

  get plain(): Encoding {
    return (this.bare ??= this.encode());
  }

  with(tracking: PositionSuffixes, stamp: Stamp): Encoding {
    // What most of them get, found without putting a suffix together for each.
    if (tracking.recovers && !tracking.tellsPositions) {
      return (this.recovering ??= this.encode([stamp.cursor]));
    }
    const { key, args } = tracking.suffixOf(this.publication, stamp);
    if (args.length === 0) return this.plain;
    let encoding = this.others?.get(key);
    if (!encoding) {
      encoding = this.encode(args);
      (this.others ??= new Map()).set(key, encoding);
    }
    return encoding;
  }

  private encode(added?: readonly unknown[]): Encoding {
    return encode(this.adapter, eventPacket(this.adapter.nsp, this.publication, added));
  }
}

/** The forms of one that asks for an acknowledgement under a number. A client takes no cursor from it, so it has none. */
export class AckRequestEncodings {
  private readonly encodings = new Map<string, Encoding>();

  constructor(
    private readonly adapter: Adapter,
    readonly publication: Publication,
    private readonly number: number,
  ) {}

  get plain(): Encoding {
    return this.wireOf('', []);
  }

  with(tracking: PositionSuffixes, stamp: Stamp): Encoding {
    const { key, args } = tracking.metaOf(this.publication, stamp);
    return this.wireOf(key, args);
  }

  private wireOf(key: string, added: readonly unknown[]): Encoding {
    let encoding = this.encodings.get(key);
    if (!encoding) {
      const packet = eventPacket(this.adapter.nsp, this.publication, added);
      this.encodings.set(key, (encoding = encode(this.adapter, { ...packet, id: this.number })));
    }
    return encoding;
  }
}
