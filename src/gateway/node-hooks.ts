import { Injectable } from '@nestjs/common';
import type { FanOutAdapter } from '../delivery/fan-out.adapter.js';
import { Publisher } from '../delivery/publisher.js';
import { endSocket } from '../sockets/end-socket.js';
import type { Arrival, NodeCommand, NodeHooks, NodeQuestion, Receipts } from '../engine/engine.js';
import type { PresenceChange, PresenceState } from '../engine/presence.js';
import type { LeftBehind } from '../engine/sessions.js';
import type { SocketEntry } from '../protocol/entries.js';
import { SwitchboardError } from '../protocol/errors.js';
import { LocalRegistry } from '../registry/local-registry.js';
import { Namespaces } from '../sockets/namespaces.js';
import { Participants } from '../sockets/participants.js';
import { NodeCommands } from '../backend/node-commands.js';
import { Recovery } from '../rooms/recovery/recovery.service.js';
import { Metrics } from '../telemetry/metrics.js';
import { WatchedRooms } from '../rooms/presence/watched-rooms.js';

/** What the engine asks of this process, passed on to whose business it is. */
@Injectable()
export class GatewayNodeHooks implements NodeHooks {
  constructor(
    private readonly publisher: Publisher,
    private readonly recovery: Recovery,
    private readonly commands: NodeCommands,
    private readonly watched: WatchedRooms,
    private readonly local: LocalRegistry,
    private readonly namespaces: Namespaces<FanOutAdapter>,
    private readonly participants: Participants,
    private readonly metrics: Metrics,
  ) {}

  sessionsOver(undelivered: number): void {
    this.metrics.undelivered('session_over', undelivered);
  }

  lost(sockets: readonly SocketEntry[]): void {
    this.participants.lost(sockets);
  }

  arrived(arrival: Arrival): Promise<Receipts> | undefined {
    return this.publisher.arrived(arrival);
  }

  tracksPositions(): boolean {
    return this.namespaces.all.some((adapter) => adapter.tracksPositions);
  }

  holds(socketId: string): boolean {
    return this.namespaces.findSocket(socketId) !== undefined;
  }

  takeOver(socketId: string): LeftBehind | undefined {
    return this.recovery.takeOver(socketId);
  }

  carryOut(command: NodeCommand): Promise<number> {
    return this.commands.carryOut(command);
  }

  answer(question: NodeQuestion): Promise<unknown> {
    return this.commands.answer(question);
  }

  presence(change: PresenceChange): void {
    this.watched.changed(change);
  }

  presenceState(state: PresenceState): void {
    this.watched.state(state);
  }

  watchedRooms(): Iterable<readonly [room: string, users: readonly string[]]> {
    return this.watched.users();
  }

  sockets(): Iterable<SocketEntry> {
    return this.local.entries();
  }

  /**
   * Everyone comes back, to this node or another: what was published meanwhile has gone past this one, and whoever could
   * recover may be somewhere else already.
   */
  fenced(stalledMs: number): void {
    this.watched.clear();
    const code = stalledMs > 0 ? 'node.stalled' : 'engine.unavailable';
    const lost = new SwitchboardError(code, { retryAfterMs: 0 });
    for (const socket of this.namespaces.allSockets()) void endSocket(socket, lost);
  }
}
