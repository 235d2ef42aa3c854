import { Injectable } from '@nestjs/common';
import { pingNow } from '../platform/engine-ping.js';
import { SwitchboardError } from '../protocol/errors.js';
import { endSocket } from './end-socket.js';
import { Namespaces } from './namespaces.js';
import type { GatewaySocket } from './socket-state.js';

type Connection = GatewaySocket['conn'];

/** A living client answers a ping in less, also over a bad line. */
const PONG_WITHIN_MS = 3_000;

/**
 * Finds the sockets of a user whose connection is gone without anybody having noticed, and ends the oldest of them.
 *
 * A phone that changes networks leaves one behind each time, for as long as pings may go unanswered. They must not keep
 * the living one out when the user has as many sockets as it may have. [Q1]
 */
@Injectable()
export class HalfOpen {
  /** The sockets that did not answer, by user, the oldest first; one question at a time. */
  private readonly asked = new Map<string, Promise<GatewaySocket[]>>();

  constructor(private readonly namespaces: Namespaces) {}

  /** Resolves with whether a socket of the user has given way, on this node; never rejects. */
  async makeRoom(user: string): Promise<boolean> {
    let asked = this.asked.get(user);
    if (!asked) {
      asked = this.silentOf(user);
      this.asked.set(user, asked);
      void asked.then(() => this.asked.delete(user));
    }
    const silent = await asked;
    let oldest = silent.shift();
    while (oldest && !oldest.connected) oldest = silent.shift();
    if (!oldest) return false;
    const message = 'it did not answer, and gave way to a newer connection of its user';
    await endSocket(oldest, new SwitchboardError('limit.sockets', { message }), { discardUnsent: true });
    return true;
  }

  /** In the order in which they connected, namespace by namespace. */
  private async silentOf(user: string): Promise<GatewaySocket[]> {
    const sockets = [...this.namespaces.socketsOfUser(user)];
    const silent = new Map<Connection, () => void>();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PONG_WITHIN_MS);
      const resolveIfAllAnswered = (): void => {
        if (silent.size > 0) return;
        clearTimeout(timer);
        resolve();
      };
      for (const { conn } of sockets) {
        if (silent.has(conn) || !pingNow(conn)) continue;
        const heard = (): void => {
          silent.delete(conn);
          resolveIfAllAnswered();
        };
        silent.set(conn, heard);
        conn.once('heartbeat', heard);
      }
      resolveIfAllAnswered();
    });
    for (const [conn, heard] of silent) conn.off('heartbeat', heard);
    return sockets.filter(({ conn }) => silent.has(conn));
  }
}
