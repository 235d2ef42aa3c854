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
  readonly transport: { readonly socket?: { readonly bufferedAmount?: number } };
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
