import type { Socket } from 'node:net';

/**
 * Stops reading from a connection for good, so that another process can have all that comes.
 *
 * `pause()` stops the stream and not the handle below it, and Node has no public way to stop that one once it was started.
 * Nor may the stream start it again: the connection may stay here for a while before it is handed over.
 */
export function stopReading(socket: Socket): void {
  socket._read = () => {};
  const { _handle: handle } = socket as Socket & { _handle: { reading: boolean; readStop(): void } | null };
  if (!handle) return;
  handle.reading = false;
  handle.readStop();
}
