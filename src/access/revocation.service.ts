import { Injectable, Logger } from '@nestjs/common';
import { endSocket } from '../sockets/end-socket.js';
import { Engine } from '../engine/engine.js';
import { logFailure } from '../telemetry/log.js';
import { SwitchboardError } from '../protocol/errors.js';
import type { BlockEntry, Page } from '../protocol/entries.js';
import type { PageRequest } from '../protocol/paging.js';
import { Namespaces } from '../sockets/namespaces.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';
import { RevocationList } from './revocation-list.js';
import { Rights } from './rights.js';

/** A revocation: of one token, or of all that a user was given before a time. Times are seconds since 1970. */
export type Revocation =
  | { readonly jti: string; readonly expiresAt?: number }
  | { readonly user: string; readonly issuedBefore: number; readonly expiresAt?: number };

const MS_PER_SECOND = 1000;

/** Keeps users and tokens out, and ends the sockets they have; a room token costs its room only. [A6] */
@Injectable()
export class RevocationService {
  private readonly logger = new Logger('Access');

  constructor(
    private readonly revocations: RevocationList,
    private readonly namespaces: Namespaces,
    private readonly rights: Rights,
    private readonly engine: Engine,
  ) {
    // Users and tokens that other nodes shut out are shut out here.
    engine.revocations.replicateTo(revocations, (user) => {
      const sockets = user === undefined ? namespaces.allSockets() : namespaces.socketsOfUser(user);
      this.endRevoked(sockets).catch((failure: unknown) =>
        logFailure(this.logger, 'sockets that were shut out could not be ended', failure),
      );
    });
  }

  async block(user: string): Promise<void> {
    const told = this.engine.revocations.block(user).then(() => this.engine.sessions.closeOf({ user }));
    await this.endHere(this.namespaces.socketsOfUser(user), told);
  }

  /** One page of the users that are blocked, as this node knows them. */
  blocks(request: PageRequest): Page<BlockEntry> {
    return this.revocations.blocks(request);
  }

  async unblock(user: string): Promise<void> {
    await this.engine.revocations.unblock(user);
  }

  async revoke(revocation: Revocation): Promise<void> {
    const untilMs = revocation.expiresAt === undefined ? Infinity : revocation.expiresAt * MS_PER_SECOND;
    if ('user' in revocation) {
      const told = this.engine.revocations.revokeUser(revocation.user, revocation.issuedBefore, untilMs);
      await this.endHere(this.namespaces.socketsOfUser(revocation.user), told);
    } else {
      const told = this.engine.revocations.revokeJti(revocation.jti, untilMs);
      await this.endHere(this.namespaces.allSockets(), told);
    }
  }

  /**
   * A change is in this node's list in the turn in which it was asked for, so that its sockets end whatever becomes of the
   * rest. [A8]
   *
   * @param told rejects when the other nodes could not be told
   */
  private async endHere(sockets: Iterable<GatewaySocket>, told: Promise<void>): Promise<void> {
    await Promise.all([this.endRevoked(sockets), told]);
  }

  private async endRevoked(sockets: Iterable<GatewaySocket>): Promise<void> {
    const goodbyes: Promise<void>[] = [];
    for (const socket of sockets) {
      const { user, grant } = socketState(socket);
      const revoked = this.revocations.checkNow({ user, jti: grant.jti, issuedAt: grant.issuedAt });
      if (revoked) goodbyes.push(endSocket(socket, new SwitchboardError(revoked)));
      else this.rights.dropRevokedRoomTokens(socket);
    }
    await Promise.all(goodbyes);
  }
}
