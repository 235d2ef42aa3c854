import { Decoder, Encoder, PacketType, type Packet } from 'socket.io-parser';
import { assertExactNumbers } from '../../protocol/exact-numbers.js';
import { refuseNumbers } from '../dispatch/inexact-numbers.js';
import { lookAtTexts } from '../../platform/packet-decoder.js';
import { budgetOf } from '../../limits/connection-budget.js';
import { SwitchboardError } from '../../protocol/errors.js';
import type { GatewaySocket } from '../../sockets/socket-state.js';

type Connection = GatewaySocket['conn'];

/** A refusal as Socket.IO words it. */
interface BareRefusal {
  readonly message: string;
}

/** For Socket.IO's option `parser`, and what goes with it. */
export interface PacketParser {
  readonly parser: { readonly Encoder: typeof Encoder; readonly Decoder: typeof Decoder };
  /** Called with every new connection before Socket.IO makes the decoder for it. */
  readonly expect: (connection: Connection) => void;
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

/** The first character of a request to enter a namespace. */
const CONNECT = PacketType.CONNECT.toString().charCodeAt(0);

/**
 * Reads and writes packets as Socket.IO does, with two differences.
 *
 * The only refusal that is not the gateway's gets a code: Socket.IO refuses a namespace that nobody serves by itself,
 * and what it sends passes nothing of ours but this. [L2] And a connection asks to enter namespaces within its budget:
 * what comes from one that was refused is not read. [L11]
 *
 * @param refused told of a connection that asked for a namespace that nobody serves, and of the packet that asked
 */
export function createPacketParser(
  refused: (connection: Connection, namespace: string, packet: unknown) => void,
): PacketParser {
  /** The connection whose decoder Socket.IO makes next. */
  let expected: Connection | undefined;
  /** The connection whose packet is being read: Socket.IO refuses an unknown namespace while it is. */
  let reading: Connection | undefined;
  let read: unknown;

  class BudgetedDecoder extends Decoder {
    private readonly connection = expected;

    override add(chunk: unknown): void {
      const { connection } = this;
      if (!connection || !mayRead(connection, chunk)) return;
      reading = connection;
      read = chunk;
      try {
        super.add(chunk);
      } finally {
        reading = undefined;
        read = undefined;
      }
    }
  }
  markInexactNumbers(BudgetedDecoder);

  class CodingEncoder extends Encoder {
    override encode(packet: Packet): ReturnType<Encoder['encode']> {
      if (!isBareRefusal(packet)) return super.encode(packet);
      if (reading) refused(reading, packet.nsp, read);
      return super.encode({ ...packet, data: coded(packet.data) });
    }
  }

  return {
    parser: { Encoder: CodingEncoder, Decoder: BudgetedDecoder },
    expect: (connection) => (expected = connection),
  };
}

/** Has events refused whose text holds a number that would be changed by being read. [D11] */
function markInexactNumbers(decoder: typeof Decoder): void {
  // Where a future parser reads texts elsewhere numbers are taken as they come; a test fails when that happens.
  lookAtTexts(decoder, (text, packet) => {
    const inexact = inexactNumberIn(text);
    if (inexact) refuseNumbers(packet, inexact);
  });
}

const EVENTS: ReadonlySet<string> = new Set([String(PacketType.EVENT), String(PacketType.BINARY_EVENT)]);

/** What is wrong with a number of an event, or nothing. */
function inexactNumberIn(text: string): SwitchboardError | undefined {
  if (!EVENTS.has(text[0] ?? '')) return undefined;
  try {
    // A namespace may hold a bracket; digits in its name are no numbers then, which costs nobody anything.
    assertExactNumbers(text.slice(Math.max(0, text.indexOf('['))));
    return undefined;
  } catch (failure) {
    return failure instanceof SwitchboardError ? failure : undefined;
  }
}

/** @throws Error, which ends the connection, when it asks for more than any client does */
function mayRead(connection: Connection, chunk: unknown): boolean {
  const budget = budgetOf(connection);
  if (budget.isOver) return false;
  if (typeof chunk !== 'string' || chunk.charCodeAt(0) !== CONNECT) return true;
  const verdict = budget.takeRequest();
  if (verdict === 'end') throw new Error('too many requests to enter a namespace');
  return verdict === 'take';
}
