import type { Capability, RoomAction } from '../protocol/capabilities.js';
import type { JsonValue } from '../protocol/json.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import type { AppIdentity, ClientHandshake } from './app-login.js';

/** The identity of a client, as a backend says. [B6] */
export interface RemoteIdentity extends AppIdentity {
  /** Rooms that its socket is in from the start, whatever its `caps` say. */
  readonly rooms?: readonly string[];
}

/** What a backend says of a socket whose time ends. [B6] */
export type Renewal =
  | {
      readonly kind: 'renewed';
      /** Replace those the socket has; absent: it keeps them. */
      readonly caps?: readonly Capability[];
      /** RFC 3339; absent: it does not end any longer. */
      readonly expiresAt?: string;
    }
  | { readonly kind: 'over' }
  | { readonly kind: 'disconnect'; readonly message: string; readonly retryable: boolean }
  /** The backend is down, or answers nothing that could be understood. */
  | { readonly kind: 'unknown' };

/** What a backend allows a user in a room. [B6] */
export interface RoomPermission {
  readonly allow: readonly RoomAction[];
  /** Told to the client that joins. */
  readonly info?: JsonValue;
}

/** The seam between the gateway's own login and backends that are asked in its place. [B6] */
export abstract class RemoteLogin {
  /** Whether a backend says who clients are that present no token. */
  abstract readonly identifies: boolean;

  /** Whether a backend is asked anew before the time of a socket ends. */
  abstract readonly renews: boolean;

  /**
   * Asks who a client is. It may wait in a queue, for {@link longestWaitMs} at the most.
   *
   * @param isWanted false once the client has gone: nobody is asked about it any longer
   * @throws SwitchboardError with the reason to refuse the client
   */
  abstract identify(handshake: ClientHandshake, isWanted: () => boolean): Promise<RemoteIdentity>;

  /** How long an answer of {@link identify} may take. */
  abstract readonly longestWaitMs: number;

  /** Never rejects. */
  abstract renew(socket: GatewaySocket): Promise<Renewal>;

  /**
   * Asks whether a user may enter a room.
   *
   * @returns `undefined` when no backend decides about the room
   * @throws SwitchboardError `access.denied`, or what the backend refuses with
   */
  abstract permit(
    socket: GatewaySocket,
    room: string,
    actions: readonly RoomAction[],
  ): Promise<RoomPermission> | undefined;
}
