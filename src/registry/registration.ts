import { Inject, Injectable } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { Engine } from '../engine/engine.js';
import type { Answer } from '../engine/log.js';
import { NOT_LET_IN, type RegistryFollower } from '../engine/outbox.js';
import type { RegistryWriter } from '../engine/registry.js';
import type { SocketEntry } from '../protocol/entries.js';
import { SwitchboardError } from '../protocol/errors.js';
import { comesBack } from '../sockets/disconnect-reasons.js';
import { HalfOpen } from '../sockets/half-open.js';
import type { Arriving, Participant } from '../sockets/participants.js';
import { registrySlots, type GatewaySocket, type SocketState } from '../sockets/socket-state.js';
import { LocalRegistry } from './local-registry.js';
import { membershipOf } from '../sockets/membership.adapter.js';

/**
 * Makes a socket known on all nodes before its client is told that it is connected, and its rooms before whoever moved
 * it there is answered: a publication that is made anywhere afterwards reaches the socket. [L3] [R4]
 *
 * Where there is one node only, it tells those who want events.
 */
@Injectable()
export class Registration implements Participant {
  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly engine: Engine,
    private readonly local: LocalRegistry,
    private readonly halfOpen: HalfOpen,
  ) {}

  /**
   * While shared state is gone clients come in all the same, and are made known when it is back. [O3]
   *
   * @throws SwitchboardError `limit.sockets` when the user has as many as it may have on all nodes
   */
  arriving(arriving: Arriving): Promise<void> | void {
    const { holdings, outbox } = this.engine;
    if (holdings) return this.enter(holdings, arriving);
    if (outbox.follower) this.follow(outbox.follower, arriving);
  }

  /** The end of the socket is noticed from now on. */
  connected(socket: GatewaySocket): void {
    const { holdings } = this.engine;
    if (!holdings || !socket.connected) return;
    holdings.connected(socket.id, () =>
      this.local.entry(socket, membershipOf(socket).namesOfRooms(socket.id)),
    );
  }

  joined({ socket }: SocketState, room: string): Promise<void> | void {
    this.engine.outbox.follower?.joined(socket.id, room);
    return made(this.engine.holdings?.joined(socket.id, room));
  }

  left({ socket }: SocketState, room: string): Promise<void> | void {
    this.engine.outbox.follower?.parted(socket.id, room);
    return made(this.engine.holdings?.parted(socket.id, room));
  }

  /** Also one that another connection takes over: nobody knows yet whether that gets in. */
  ended(state: SocketState, reason: string): void {
    const { socket, endedWith } = state;
    const told = endedWith ?? reason;
    this.engine.outbox.follower?.left(socket.id, comesBack(reason), told);
    registrySlots(state).left = made(this.engine.holdings?.leave(socket.id, comesBack(reason), told));
  }

  /** Events of one process tell of a socket when it is let in, as those of many do. [W4] */
  private follow(follower: RegistryFollower, arriving: Arriving): void {
    const { socket } = arriving;
    if (socket.conn.readyState === 'closed') return;
    const entry = this.local.entry(socket);
    arriving.defer(() => follower.left(entry.socketId, false, NOT_LET_IN));
    follower.entered(entry);
  }

  /** Only the half-open sockets of this node can give way: that of another is found by its own pings. */
  private async enterOrMakeRoom(
    holdings: RegistryWriter,
    arriving: Arriving,
    entry: SocketEntry,
  ): Promise<void> {
    const { maxSocketsPerUser } = this.config;
    try {
      await holdings.enter(entry, maxSocketsPerUser);
    } catch (failure) {
      if (!(failure instanceof SwitchboardError) || failure.code !== 'limit.sockets') throw failure;
      const hasRoom = await this.halfOpen.makeRoom(entry.user);
      if (!hasRoom || arriving.isOver) throw failure;
      await holdings.enter(entry, maxSocketsPerUser);
    }
  }

  private async enter(holdings: RegistryWriter, arriving: Arriving): Promise<void> {
    const { socket } = arriving;
    // A client that has gone already is refused by nobody, and has no end that would be noticed.
    if (socket.conn.readyState === 'closed') return;
    const entry = this.local.entry(socket);
    if (entry.transport === 'polling') {
      // It may move while the app's own checks take their time.
      socket.conn.once('upgrade', ({ name }: { name: string }) => {
        if (socket.connected || !arriving.isOver) holdings.upgraded(socket.id, name as 'websocket');
      });
    }
    let isRefused = false;
    // By the ID it has now: one that it has claimed it may have to give back first.
    arriving.defer(() => {
      if (!isRefused) void made(holdings.leave(entry.socketId, false, NOT_LET_IN));
    });
    try {
      await this.enterOrMakeRoom(holdings, arriving, entry);
    } catch (failure) {
      if (failure instanceof SwitchboardError && failure.code === 'engine.unavailable') return;
      isRefused = true;
      throw failure;
    }
  }
}

/**
 * What shared state did not take it is given again when it can be reached: a change is never lost, and never the
 * business of whoever made it.
 */
const made = (change: Answer<void>): Promise<void> | undefined =>
  change instanceof Promise ? change.catch(() => undefined) : undefined;
