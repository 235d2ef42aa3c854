import type { Socket as TcpSocket } from 'node:net';

/** What is private in Engine.IO and `ws` of a connection. */
interface ConnectionInternals {
  readonly writeBuffer: readonly BufferedPacket[];
  readonly transport: {
    /** Of the WebSocket transport: the `ws` it writes to. */
    readonly socket?: {
      readonly readyState?: number;
      readonly bufferedAmount?: number;
      readonly _socket?: TcpSocket & { readonly _handle?: { readonly writeQueueSize?: number } | null };
      readonly _closeCode?: unknown;
    };
  };
}

interface BufferedPacket {
  readonly data?: string | ArrayBufferView | ArrayBuffer;
}

/** What is private in Engine.IO's server. */
interface ServerInternals<C> {
  readonly clients?: Readonly<Record<string, C>>;
}

/** `ws` and every WebSocket. */
const CLOSED = 3;

const inside = (connection: object): ConnectionInternals => connection as ConnectionInternals;

/** The TCP socket below a WebSocket connection; `undefined` on polling, and once it has closed. */
export const tcpSocketOf = (connection: object): TcpSocket | undefined =>
  inside(connection).transport.socket?._socket;

/** The bytes of its last write that the operating system has not taken from Node; 0 where they cannot be seen. */
export const bytesInWrite = (connection: object): number =>
  inside(connection).transport.socket?._socket?._handle?.writeQueueSize ?? 0;

/**
 * The bytes that the operating system has not taken of what was written to a TCP socket. Node counts a write that is under
 * way as a whole; what the system has not taken of it is known to its handle.
 */
export function unsentByTcp(tcpSocket: TcpSocket): number {
  const { _handle: handle, writableBuffer } = tcpSocket as unknown as {
    readonly _handle?: { readonly writeQueueSize?: number } | null;
    readonly writableBuffer?: readonly { readonly chunk: { readonly length: number } }[];
  };
  if (!writableBuffer || handle?.writeQueueSize === undefined) return tcpSocket.writableLength;
  return writableBuffer.reduce((sum, { chunk }) => sum + chunk.length, handle.writeQueueSize);
}

/**
 * The close code of the WebSocket, once it is closed: 1006 where it was cut without a word, by the network or a proxy;
 * otherwise what the peer said. `undefined` on polling, and where a future `ws` keeps it elsewhere.
 */
export function closeCodeOf(connection: object): number | undefined {
  const { socket } = inside(connection).transport;
  return socket?.readyState === CLOSED && typeof socket._closeCode === 'number'
    ? socket._closeCode
    : undefined;
}

/** The part of a write buffer that has been counted; a flush replaces the buffer by a new one. */
interface Counted {
  buffer: readonly BufferedPacket[];
  length: number;
  bytes: number;
}

/** Only connections that are behind have an entry. */
const counted = new WeakMap<object, Counted>();

/**
 * Bytes accepted for a connection and not yet taken by the operating system. Costs what was added since. [Q3]
 *
 * Socket.IO has no back-pressure: what a slow client does not take piles up in Engine.IO's write buffer while the
 * transport is busy, and below it in the WebSocket's own buffer. `bufferedAmount` shows only the second part.
 */
export function unsentBytes(connection: object): number {
  const { transport, writeBuffer } = inside(connection);
  const inTransport = transport.socket?.bufferedAmount ?? 0;
  return writeBuffer.length === 0 ? inTransport : inTransport + queuedBytes(connection, writeBuffer);
}

function queuedBytes(connection: object, writeBuffer: readonly BufferedPacket[]): number {
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

/** The connections of an Engine.IO server. */
export const connectionsOf = <C = object>(engine: unknown): C[] =>
  Object.values((engine as ServerInternals<C> | undefined)?.clients ?? {});

/** A connection of an Engine.IO server by its session ID, which a client may have made up. */
export function connectionNamed<C = object>(engine: unknown, sid: string): C | undefined {
  const { clients = {} } = engine as ServerInternals<C>;
  return Object.hasOwn(clients, sid) ? clients[sid] : undefined;
}
