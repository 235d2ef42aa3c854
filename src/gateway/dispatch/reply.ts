import { PacketType, type Packet } from 'socket.io-parser';
import { FanOutAdapter } from '../../delivery/fan-out.adapter.js';
import { sendPacket } from '../../platform/socket-of-io.js';
import { NOTICE } from '../../protocol/events.js';
import type { SwitchboardError } from '../../protocol/errors.js';
import type { GatewaySocket } from '../../sockets/socket-state.js';

/**
 * How a client wants to be answered: by the number of its packet, by the function Socket.IO made of it, or, when it
 * sent no acknowledgement function, not at all.
 */
export type Acknowledgement = number | ((...args: unknown[]) => void) | undefined;

/** The one answer to one request of a client. [M1] */
export class Reply {
  private answered = false;

  constructor(
    readonly socket: GatewaySocket,
    private readonly acknowledgement: Acknowledgement,
    /** What is answered: `[name, ...arguments]`. */
    readonly event: readonly unknown[] = [],
  ) {}

  /** Whether the client waits for an acknowledgement. */
  get expected(): boolean {
    return this.acknowledgement !== undefined;
  }

  get pending(): boolean {
    return this.expected && !this.answered;
  }

  /** Sends the acknowledgement; only the first call does. */
  send(...args: unknown[]): void {
    if (!this.pending) return;
    // Encoding may fail on what a handler returned; only what has been written counts as answered.
    if (typeof this.acknowledgement === 'function') this.acknowledgement(...args);
    else this.write(args);
    this.answered = true;
  }

  /** Tells the client of a failure, by acknowledgement or as `exception`. */
  fail(error: SwitchboardError): void {
    if (this.pending) this.send({ ok: false, error: error.toObject() });
    else if (!this.expected) this.socket.emit(NOTICE.exception, error.toObject());
  }

  private write(args: unknown[]): void {
    const packet: Packet = {
      type: PacketType.ACK,
      nsp: '',
      id: this.acknowledgement as number,
      data: args,
    };
    const { adapter } = this.socket.nsp;
    if (adapter instanceof FanOutAdapter) adapter.send(this.socket, packet);
    else sendPacket(this.socket, packet);
  }
}
