import { Injectable } from '@nestjs/common';
import type { MissingReceipt, Receipt, Receipts } from '../engine/engine.js';
import type { GatewaySocket } from '../registry/socket-state.js';
import { socketState } from '../registry/socket-state.js';
import type { AwaitedDelivery } from './fan-out.adapter.js';

/** Sends one publication somewhere and reports acknowledgements. */
export type AwaitedSend = (
  onAcknowledgement: (socket: GatewaySocket, args: unknown[]) => void,
) => AwaitedDelivery;

/** Publications that wait for acknowledgements. */
@Injectable()
export class OpenReceipts {
  private readonly open = new Set<OpenReceipt>();

  /** How many publications wait; for tests and metrics. */
  get size(): number {
    return this.open.size;
  }

  /** Sends, and resolves when every socket answered, left, or the time is up. Never rejects. */
  collect(sends: readonly AwaitedSend[], timeoutMs: number): Promise<Receipts> {
    return new Promise((resolve) => {
      const receipt = new OpenReceipt(sends, timeoutMs, (receipts) => {
        this.open.delete(receipt);
        resolve(receipts);
      });
      this.open.add(receipt);
      receipt.settleIfComplete();
    });
  }

  /** A socket has gone: nobody waits for its answer any longer. */
  socketClosed(socket: GatewaySocket): void {
    for (const receipt of this.open) receipt.socketClosed(socket);
  }
}

class OpenReceipt {
  private readonly pending = new Set<GatewaySocket>();
  private readonly responses: Receipt[] = [];
  private readonly missing: MissingReceipt[] = [];
  private readonly deliveries: AwaitedDelivery[];
  private readonly timer: NodeJS.Timeout;

  constructor(
    sends: readonly AwaitedSend[],
    timeoutMs: number,
    private readonly settle: (receipts: Receipts) => void,
  ) {
    this.deliveries = sends.map((send) => send((socket, args) => this.acknowledged(socket, args)));
    for (const { sockets } of this.deliveries) for (const socket of sockets) this.pending.add(socket);
    this.timer = setTimeout(() => this.finish(), timeoutMs);
  }

  settleIfComplete(): void {
    if (this.pending.size === 0) this.finish();
  }

  socketClosed(socket: GatewaySocket): void {
    if (!this.pending.delete(socket)) return;
    this.missing.push({ socketId: socket.id, user: socketState(socket).user });
    this.settleIfComplete();
  }

  private acknowledged(socket: GatewaySocket, args: unknown[]): void {
    if (!this.pending.delete(socket)) return;
    this.responses.push({ socketId: socket.id, user: socketState(socket).user, args });
    this.settleIfComplete();
  }

  private finish(): void {
    clearTimeout(this.timer);
    for (const delivery of this.deliveries) delivery.cancel();
    for (const socket of this.pending) {
      this.missing.push({ socketId: socket.id, user: socketState(socket).user });
    }
    this.pending.clear();
    this.settle({ responses: this.responses, missing: this.missing });
  }
}
