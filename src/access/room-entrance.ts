import { Inject, Injectable, Optional } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import type { RoomAction } from '../protocol/capabilities.js';
import { SwitchboardError } from '../protocol/errors.js';
import type { JsonValue } from '../protocol/json.js';
import { isUserRoom } from '../protocol/names.js';
import type { RoomGrant } from '../sockets/grant.js';
import { isInRoom } from '../sockets/membership.adapter.js';
import { Namespaces } from '../sockets/namespaces.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { RemoteLogin } from './remote-login.js';
import { Rights } from './rights.js';

/** A room that a backend has opened for one request to join. */
export interface OpenedRoom {
  /** What the client is told beside the answer of the join. */
  readonly told: { readonly info?: JsonValue };
  /** The join has failed: what was granted for it is taken back, unless the socket is in the room. */
  shut(): void;
}

/** A request to join, as far as rights go. */
interface JoinRequest {
  readonly room: string;
  readonly token?: string | undefined;
  readonly since?: unknown;
  readonly presence?: boolean | undefined;
}

/**
 * Asks a backend whether a user may enter a room that its `caps` do not grant. [B6]
 *
 * What it allows is a right of the socket in that room until it leaves it.
 */
@Injectable()
export class RoomEntrance {
  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly rights: Rights,
    private readonly namespaces: Namespaces,
    @Optional() private readonly remote?: RemoteLogin,
  ) {}

  /**
   * The answer counts in the turn in which it comes: the caller joins in that. [A7]
   *
   * @returns `undefined` when no backend has to be asked
   * @throws SwitchboardError `access.denied`, `handler.*`, or what the backend refuses with
   */
  open(socket: GatewaySocket, request: JoinRequest): Promise<OpenedRoom> | undefined {
    const { room, token, since, presence } = request;
    // A room token speaks for itself; rooms that are private are nobody's to open. [M3]
    if (!this.remote || token !== undefined || isUserRoom(room) || this.namespaces.isSocketId(room)) {
      return undefined;
    }
    const actions: RoomAction[] = ['join'];
    if (since !== undefined) actions.push('history');
    if (presence === true) actions.push('presence');
    if (actions.every((action) => this.rights.allows(socket, action, room))) return undefined;
    const askedAt = performance.now();
    return this.remote.permit(socket, room, actions)?.then(({ allow, info }) => {
      // Its client has been told by then that there is no answer: nothing may take effect any longer.
      if (performance.now() - askedAt >= this.config.handlerTimeoutMs) {
        throw new SwitchboardError('handler.timeout');
      }
      if (!socket.connected) throw new SwitchboardError('access.denied');
      const grant: RoomGrant = { allow: new Set(allow), untilLeft: true };
      this.rights.addRoomGrant(socket, room, grant);
      return {
        told: info === undefined ? {} : { info },
        shut: () => {
          if (!isInRoom(socket, room)) this.rights.dropRoomGrant(socket, room, grant);
        },
      };
    });
  }
}
