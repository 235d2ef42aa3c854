import type { GatewaySocket } from '../sockets/socket-state.js';

/** Takes one kind of events of clients that no handler of this process takes. [B1] */
export interface RemoteEventHandler {
  /**
   * Handles one event; the gateway answers the client when it has settled.
   *
   * @returns what the acknowledgement carries as `data`; nothing without
   * @throws SwitchboardError what the client is told instead
   */
  handle(
    socket: GatewaySocket,
    event: string,
    args: readonly unknown[],
  ): Promise<{ readonly data?: unknown }>;
}

/** The seam between the gateway's dispatcher and remote handlers: which backend takes an event. [B1] */
export abstract class RemoteEvents {
  /** `undefined`: no backend takes it. Asked for events only that nothing in this process takes. */
  abstract handlerOf(event: string): RemoteEventHandler | undefined;
}
