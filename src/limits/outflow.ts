import { bytesInWrite, unsentBytes } from '../platform/engine-connection.js';

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

  constructor(private readonly connection: object) {}

  /** For how long nothing has left, as far as can be seen by looking now and then. */
  stalledForMs(): number {
    const unsent = unsentBytes(this.connection);
    const inWrite = bytesInWrite(this.connection);
    const now = performance.now();
    if (unsent === 0 || unsent < this.unsent || inWrite !== this.inWrite) this.movedAt = now;
    this.unsent = unsent;
    this.inWrite = inWrite;
    return now - this.movedAt;
  }
}
