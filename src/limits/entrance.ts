import { Injectable } from '@nestjs/common';
import { SwitchboardError } from '../protocol/errors.js';
import type { Arriving, Participant } from '../sockets/participants.js';
import type { GatewaySocket } from '../sockets/socket-state.js';

const ENTERING = Symbol('switchboard.entering');

/** The client side of a connection, and here its sockets on their way in. */
interface Carrier {
  [ENTERING]?: readonly GatewaySocket[];
}

const NOBODY: readonly GatewaySocket[] = [];

/**
 * A connection carries one socket per namespace. Socket.IO sees to that once the socket is connected; before, one
 * message full of requests to connect would make as many sockets.
 */
@Injectable()
export class Entrance implements Participant {
  /** @throws SwitchboardError `payload.invalid`, and closes the connection as Socket.IO does */
  arriving(arriving: Arriving): void {
    const { socket } = arriving;
    const carrier = socket.client as Carrier;
    const entering = carrier[ENTERING] ?? NOBODY;
    if (entering.some((other) => other.nsp === socket.nsp)) {
      socket.conn.close();
      throw new SwitchboardError('payload.invalid', { message: 'this connection is connecting already' });
    }
    carrier[ENTERING] = [...entering, socket];
    arriving.defer(() => this.leave(socket));
  }

  connected(socket: GatewaySocket): void {
    this.leave(socket);
  }

  private leave(socket: GatewaySocket): void {
    const carrier = socket.client as Carrier;
    const entering = carrier[ENTERING] ?? NOBODY;
    const isAlone = entering.length === 1 && entering[0] === socket;
    carrier[ENTERING] = isAlone ? NOBODY : entering.filter((other) => other !== socket);
  }
}
