import { Injectable } from '@nestjs/common';
import type { MissingReceipt, Receipt, Receipts } from '../engine/engine.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import type { Participant } from '../sockets/participants.js';
import { socketState, type SocketState } from '../sockets/socket-state.js';
import type { AwaitedDelivery, OnAcknowledgement, OnGone } from './awaited-deliveries.js';
import { fanOutOf } from './fan-out.adapter.js';

/** Sends one publication somewhere, and reports who has answered and who has ended instead. */
export type AwaitedSend = (onAcknowledgement: OnAcknowledgement, onGone: OnGone) => AwaitedDelivery;

/** Publications that wait for acknowledgements. */
@Injectable()
export class OpenReceipts implements Participant {
  private readonly open = new Set<OpenReceipt>();

  /** How many publications wait; for tests. */
  get size(): number {
    return this.open.size;
  }

  /** Sends, and resolves when every socket answered, left, or the time is up. Rejects only when sending fails. */
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

  /** A socket that has ended is waited for no longer. */
  ended({ socket }: SocketState): void {
    fanOutOf(socket).stopAwaiting(socket);
  }
}

class OpenReceipt {
  private readonly pending = new Set<GatewaySocket>();
  private readonly responses: Receipt[] = [];
  private readonly missing: MissingReceipt[] = [];
  private readonly deliveries: AwaitedDelivery[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(
    sends: readonly AwaitedSend[],
    timeoutMs: number,
    private readonly settle: (receipts: Receipts) => void,
  ) {
    try {
      for (const send of sends) this.deliveries.push(send(this.acknowledged, this.gone));
    } catch (failure) {
      this.cancel();
      throw failure;
    }
    for (const { sockets } of this.deliveries) {
      for (const socket of sockets) {
        // Writing to it may have ended it.
        if (socket.connected) this.pending.add(socket);
        else this.miss(socket);
      }
    }
    this.timer = setTimeout(() => this.finish(), timeoutMs);
  }

  settleIfComplete(): void {
    if (this.pending.size === 0) this.finish();
  }

  private readonly gone: OnGone = (socket) => {
    if (!this.pending.delete(socket)) return;
    this.miss(socket);
    this.settleIfComplete();
  };

  private readonly acknowledged: OnAcknowledgement = (socket, args) => {
    if (!this.pending.delete(socket)) return;
    this.responses.push({ socketId: socket.id, user: socketState(socket).user, args });
    this.settleIfComplete();
  };

  private miss(socket: GatewaySocket): void {
    this.missing.push({ socketId: socket.id, user: socketState(socket).user });
  }

  private cancel(): void {
    for (const delivery of this.deliveries) delivery.cancel();
  }

  private finish(): void {
    clearTimeout(this.timer);
    this.cancel();
    for (const socket of this.pending) this.miss(socket);
    this.pending.clear();
    this.settle({ responses: this.responses, missing: this.missing });
  }
}
