/** Other ways to close the transports of Engine.IO: it has one, and no setting for it. */

interface EngineTransport {
  readonly name: string;
  send(packets: readonly { readonly type: string }[]): void;
  doClose(done?: () => void): void;
  /** Of the polling transport: how long it waits for a poll to close with. */
  closeTimeout?: number;
  /** Of the polling transport: set while it waits for that. */
  shouldClose?: (() => void) | null;
  /** Of the WebSocket transport: the `ws` it writes to. */
  readonly socket?: {
    /** Not public: the TCP connection; absent once it has closed. */
    readonly _socket?: { end(): void };
    terminate(): void;
    close(): void;
    once(event: 'close', listener: () => void): void;
  };
}

/**
 * Has a WebSocket closed by the end of its TCP connection, after what was written to it, and without a close frame.
 *
 * @param cutOffMs how long the client has to end its side
 */
export function closeWithoutFrame(transport: unknown, cutOffMs: number): void {
  const closing = transport as EngineTransport;
  const { socket } = closing;
  if (closing.name !== 'websocket' || socket === undefined) return;
  closing.doClose = (done) => {
    if (socket._socket === undefined) socket.close();
    else socket._socket.end();
    const cutOff = setTimeout(() => socket.terminate(), cutOffMs);
    cutOff.unref();
    socket.once('close', () => clearTimeout(cutOff));
    done?.();
  };
}

/**
 * Has the polls that a session ends with answered without a CLOSE packet: the next poll is told that its session is
 * gone. A poll that has to be answered with something gets a NOOP.
 */
export function closeWithoutPacket(transport: unknown): void {
  const closing = transport as EngineTransport;
  if (closing.name !== 'polling') return;
  const send = closing.send;
  closing.send = (packets) => {
    // Set while the close waits for a poll; `send` would add the CLOSE packet by itself.
    const finish = closing.shouldClose;
    closing.shouldClose = null;
    send.call(
      closing,
      packets.map((packet) => (packet.type === 'close' ? { type: 'noop' } : packet)),
    );
    finish?.();
  };
}

/** Sets how long a polling transport waits for a poll to close with; false for another, which waits for none. */
export function setCloseTimeout(transport: unknown, timeoutMs: number): boolean {
  const closing = transport as EngineTransport;
  if (closing.closeTimeout === undefined) return false;
  closing.closeTimeout = timeoutMs;
  return true;
}

/** Whether a polling transport waits for a poll to close with. */
export const waitsToClose = (transport: unknown): boolean => !!(transport as EngineTransport).shouldClose;

/** Has a polling transport that waits for a poll to close with close now. */
export function closeWithoutPoll(transport: unknown): void {
  (transport as EngineTransport).shouldClose?.();
}
