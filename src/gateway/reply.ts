import { PacketType, type Packet } from 'socket.io-parser';
import { NOTICE } from '../protocol/events.js';
import type { SwitchboardError } from '../protocol/errors.js';
import type { GatewaySocket } from '../registry/socket-state.js';

/** The one answer to one request of a client. [M1] */
export class Reply {
  private answered = false;

  constructor(
    private readonly socket: GatewaySocket,
    /** `undefined` when the client sent no acknowledgement function. */
    private readonly requestId: number | undefined,
  ) {}

  /** Whether the client waits for an acknowledgement. */
  get expected(): boolean {
    return this.requestId !== undefined;
  }

  get pending(): boolean {
    return this.expected && !this.answered;
  }

  /** Sends the acknowledgement; only the first call does. */
  send(...args: unknown[]): void {
    if (!this.pending) return;
    const packet: Packet = { type: PacketType.ACK, nsp: '', id: this.requestId!, data: args };
    // Encoding may fail on what a handler returned; only what has been written counts as answered.
    (this.socket as unknown as { packet(packet: Packet): void }).packet(packet);
    this.answered = true;
  }

  /** Tells the client of a failure, by acknowledgement or as `exception`. */
  fail(error: SwitchboardError): void {
    if (this.pending) this.send({ ok: false, error: error.toObject() });
    else if (!this.expected) this.socket.emit(NOTICE.exception, error.toObject());
  }
}
