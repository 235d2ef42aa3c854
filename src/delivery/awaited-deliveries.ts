import type { Namespace } from 'socket.io';
import { nextPacketNumber } from '../platform/namespace-of-io.js';
import { awaitedAcknowledgements } from '../platform/socket-of-io.js';
import type { GatewaySocket } from '../sockets/socket-state.js';

/** Receives a socket's acknowledgement. */
export type OnAcknowledgement = (socket: GatewaySocket, args: unknown[]) => void;

/** Told that a socket has ended without having answered. */
export type OnGone = (socket: GatewaySocket) => void;

/**
 * A delivery that waits for acknowledgements.
 *
 * A client takes no cursor from an event that asks for an acknowledgement, so it carries none and is never replayed:
 * whoever published it is told who did not answer.
 */
export class AwaitedDelivery {
  readonly sockets: GatewaySocket[] = [];

  constructor(
    /** One number for all recipients: the counter is the namespace's, so it collides with no other request. */
    readonly id: number,
    private readonly onAcknowledgement: OnAcknowledgement,
    private readonly onEnd: () => void,
  ) {}

  awaits(socket: GatewaySocket): void {
    this.sockets.push(socket);
    awaitedAcknowledgements(socket).set(this.id, (...answer) => this.onAcknowledgement(socket, answer));
  }

  /** Forgets the acknowledgements that did not come. */
  cancel(): void {
    this.onEnd();
    for (const socket of this.sockets) awaitedAcknowledgements(socket).delete(this.id);
  }
}

/** The deliveries of a namespace that wait for acknowledgements. [D6] */
export class AwaitedDeliveries {
  /** By the number that they went out with. */
  private readonly gone = new Map<number, OnGone>();

  constructor(private readonly nsp: Namespace) {}

  begin(onAcknowledgement: OnAcknowledgement, onGone: OnGone): AwaitedDelivery {
    const id = nextPacketNumber(this.nsp);
    this.gone.set(id, onGone);
    return new AwaitedDelivery(id, onAcknowledgement, () => this.gone.delete(id));
  }

  /** A socket has ended: nobody waits for its answers any longer. */
  stop(socket: GatewaySocket): void {
    // A socket has a few requests open at the most, where all of them together may be many.
    for (const id of awaitedAcknowledgements(socket).keys()) this.gone.get(id)?.(socket);
  }
}
