import { Inject, Injectable } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { Engine } from '../engine/engine.js';
import type { Answer } from '../engine/log.js';
import { NOT_LET_IN } from '../engine/outbox.js';
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
 * Where there is one node only, those who want events are told.
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
    const { socket } = arriving;
    // A client that has gone already is refused by nobody, and has no end that would be noticed.
    if (socket.conn.readyState === 'closed') return;
    const { holdings, isShared } = this.engine;
    const { id } = socket;
    // One node alone reads it from the socket itself.
    if (isShared) this.followUpgrade(arriving);
    let isRefused = false;
    // By the ID it has now: one that it has claimed it may have to give back first.
    arriving.defer(() => {
      if (!isRefused) void made(holdings.leave(id, false, NOT_LET_IN));
    });
    const entered = holdings.enter(id, () => this.local.entry(socket), this.config.maxSocketsPerUser);
    if (!(entered instanceof Promise)) return;
    return this.orMakeRoom(arriving, entered).catch((failure: unknown) => {
      if (failure instanceof SwitchboardError && failure.code === 'engine.unavailable') return;
      isRefused = true;
      throw failure;
    });
  }

  /** The end of the socket is noticed from now on. */
  connected(socket: GatewaySocket): void {
    if (!socket.connected) return;
    this.engine.holdings.connected(socket.id, () =>
      this.local.entry(socket, membershipOf(socket).namesOfRooms(socket.id)),
    );
  }

  joined({ socket }: SocketState, room: string): Promise<void> | void {
    return made(this.engine.holdings.joined(socket.id, room));
  }

  left({ socket }: SocketState, room: string): Promise<void> | void {
    return made(this.engine.holdings.parted(socket.id, room));
  }

  /** Also one that another connection takes over: nobody knows yet whether that gets in. */
  ended(state: SocketState, reason: string): void {
    const { socket, endedWith } = state;
    const told = endedWith ?? reason;
    registrySlots(state).left = made(this.engine.holdings.leave(socket.id, comesBack(reason), told));
  }

  /** A socket may move from polling while the app's own checks take their time. */
  private followUpgrade(arriving: Arriving): void {
    const { socket } = arriving;
    if (socket.conn.transport.name !== 'polling') return;
    socket.conn.once('upgrade', ({ name }: { name: string }) => {
      if (socket.connected || !arriving.isOver) this.engine.holdings.upgraded(socket.id, name as 'websocket');
    });
  }

  /** Only the half-open sockets of this node can give way: that of another is found by its own pings. */
  private async orMakeRoom(arriving: Arriving, entered: Promise<void>): Promise<void> {
    try {
      await entered;
    } catch (failure) {
      if (!(failure instanceof SwitchboardError) || failure.code !== 'limit.sockets') throw failure;
      const { socket } = arriving;
      const entry = this.local.entry(socket);
      const hasRoom = await this.halfOpen.makeRoom(entry.user);
      if (!hasRoom || arriving.isOver) throw failure;
      await this.engine.holdings.enter(socket.id, () => entry, this.config.maxSocketsPerUser);
    }
  }
}

/**
 * What shared state did not take it is given again when it can be reached: a change is never lost, and never the
 * business of whoever made it.
 */
const made = (change: Answer<void>): Promise<void> | undefined =>
  change instanceof Promise ? change.catch(() => undefined) : undefined;
