/**
 * How much a connection has not sent yet. [Q3]
 *
 * Socket.IO has no back-pressure: what a slow client does not take piles up in Engine.IO's write buffer while the
 * transport is busy, and below it in the WebSocket's own buffer. `bufferedAmount` shows only the second part.
 */

interface BufferedPacket {
  readonly data?: string | ArrayBufferView | ArrayBuffer;
  readonly options?: { readonly wsPreEncodedFrame?: readonly Uint8Array[] };
}

/** What is read of an Engine.IO connection. */
export interface WritableConnection {
  readonly writeBuffer: readonly BufferedPacket[];
  readonly transport: {
    readonly socket?: {
      readonly bufferedAmount?: number;
      readonly _socket?: { readonly _handle?: { readonly writeQueueSize?: number } | null };
    };
  };
}

/** The part of a write buffer that has been counted; a flush replaces the buffer by a new one. */
interface Counted {
  buffer: readonly BufferedPacket[];
  length: number;
  bytes: number;
}

/** Only connections that are behind have an entry. */
const counted = new WeakMap<WritableConnection, Counted>();

/** Bytes accepted for this connection and not yet taken by the operating system. Costs what was added since. */
export function unsentBytes(connection: WritableConnection): number {
  const inTransport = connection.transport.socket?.bufferedAmount ?? 0;
  return connection.writeBuffer.length === 0 ? inTransport : inTransport + queuedBytes(connection);
}

function queuedBytes(connection: WritableConnection): number {
  const { writeBuffer } = connection;
  let count = counted.get(connection);
  if (count?.buffer !== writeBuffer) {
    count = { buffer: writeBuffer, length: 0, bytes: 0 };
    counted.set(connection, count);
  }
  for (; count.length < writeBuffer.length; count.length++) count.bytes += sizeOf(writeBuffer[count.length]!);
  return count.bytes;
}

function sizeOf({ data }: BufferedPacket): number {
  if (data === undefined) return 1;
  return typeof data === 'string' ? data.length : data.byteLength;
}

/**
 * Whether a connection that is behind takes any of what it is given.
 *
 * What is one write leaves the count of unsent bytes only when it has left as a whole, so that what the operating system
 * still has of it is looked at too, as Node.js itself does for its time limits.
 */
export class Outflow {
  private unsent = 0;
  private inWrite = 0;
  private movedAt = performance.now();

  constructor(private readonly connection: WritableConnection) {}

  /** For how long nothing has left, as far as can be seen by looking now and then. */
  stalledForMs(): number {
    const unsent = unsentBytes(this.connection);
    const inWrite = this.connection.transport.socket?._socket?._handle?.writeQueueSize ?? 0;
    const now = performance.now();
    if (unsent === 0 || unsent < this.unsent || inWrite !== this.inWrite) this.movedAt = now;
    this.unsent = unsent;
    this.inWrite = inWrite;
    return now - this.movedAt;
  }
}
