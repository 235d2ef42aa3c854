import type { SwitchboardError } from '../protocol/errors.js';
import type { GatewaySocket } from '../sockets/socket-state.js';

/** A backend's answer to an event: `data` for the acknowledgement, or the error with which the socket ends. [B3] */
export type RemoteOutcome = { readonly data?: unknown } | { readonly end: SwitchboardError };

/** Takes one kind of events of clients that no handler of this process takes. [B1] */
export interface RemoteEventHandler {
  /**
   * Handles one event; the gateway answers the client when it has settled, and then ends its socket if it has to.
   *
   * @throws SwitchboardError what the client is told instead
   */
  handle(socket: GatewaySocket, event: string, args: readonly unknown[]): Promise<RemoteOutcome>;
}

/** The seam between the gateway's dispatcher and remote handlers: which backend takes an event. [B1] */
export abstract class RemoteEvents {
  /** `undefined`: no backend takes it. Asked for events only that nothing in this process takes. */
  abstract handlerOf(event: string): RemoteEventHandler | undefined;
}
