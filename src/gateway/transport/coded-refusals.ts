import { Decoder, Encoder, PacketType, type Packet } from 'socket.io-parser';
import { SwitchboardError } from '../../protocol/errors.js';

/** A refusal as Socket.IO words it. */
interface BareRefusal {
  readonly message: string;
}

const isBareRefusal = (packet: Packet): packet is Packet & { data: BareRefusal } => {
  const data = packet.data as { message?: unknown; code?: unknown; data?: unknown } | null | undefined;
  return (
    packet.type === PacketType.CONNECT_ERROR &&
    typeof data?.message === 'string' &&
    data.code === undefined &&
    data.data === undefined
  );
};

/** Clients since 3.x give their app `message` and `data` of it; 2.x gives all of it, so that its fields are there too. */
function coded({ message }: BareRefusal): object {
  const error = new SwitchboardError('namespace.unknown', { message }).toObject();
  return { ...error, data: error };
}

/**
 * Writes packets as Socket.IO does, and gives a code to the only refusal that is not the gateway's. [L2]
 *
 * Socket.IO refuses a namespace that nobody serves by itself: there is no namespace then whose middlewares could, and
 * what it sends passes nothing of ours but this.
 */
class CodingEncoder extends Encoder {
  override encode(packet: Packet): ReturnType<Encoder['encode']> {
    return super.encode(isBareRefusal(packet) ? { ...packet, data: coded(packet.data) } : packet);
  }
}

/** For Socket.IO's option `parser`. */
export const codingParser = { Encoder: CodingEncoder, Decoder };
