import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { endSocket } from './end-socket.js';
import { SwitchboardError } from '../protocol/errors.js';
import { Namespaces } from './namespaces.js';
import { socketState, type GatewaySocket } from './socket-state.js';

/** Between two batches of goodbyes, where they are many. */
const MIN_INTERVAL_MS = 50;
/**
 * The same where sockets are few: ten a second are no burden for the others, so that a node with few does not take its
 * whole window.
 */
const MAX_INTERVAL_MS = 100;
/** What disconnect hooks get at least, when the goodbyes have taken the whole window. */
const MIN_HOOKS_MS = 5_000;

/** How goodbyes to `sockets` are spread over a window, in batches of the same size with the same time between them. */
export function drainPace(
  sockets: number,
  windowMs: number,
): { readonly size: number; readonly intervalMs: number } {
  const mostBatches = Math.max(1, Math.floor(windowMs / MIN_INTERVAL_MS));
  const size = Math.max(1, Math.ceil(sockets / mostBatches));
  return { size, intervalMs: Math.min(MAX_INTERVAL_MS, Math.floor(windowMs / Math.ceil(sockets / size))) };
}

/**
 * Sends everyone away before the process ends, in paced batches, so that they do not all come back elsewhere in one
 * moment. [O2]
 */
@Injectable()
export class Drain implements OnModuleDestroy {
  private readonly logger = new Logger('Gateway');
  private draining = false;
  private readonly disconnectHooks = new Set<Promise<unknown>>();
  private readonly preceding: (() => Promise<void>)[] = [];

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly namespaces: Namespaces,
  ) {}

  /** New sockets are refused and readiness is withdrawn from the moment this is true. */
  get active(): boolean {
    return this.draining;
  }

  /**
   * Has a drain wait for the disconnect hooks of a socket: what they use is closed after it. [L4]
   * @param hooks never rejects
   */
  waitFor(hooks: Promise<unknown>): void {
    this.disconnectHooks.add(hooks);
    void hooks.then(() => this.disconnectHooks.delete(hooks));
  }

  /**
   * Has a drain end a door of backends before it sends sockets away: what they have asked of these is answered. [N5]
   * @param end never rejects
   */
  precedeBy(end: () => Promise<void>): void {
    this.preceding.push(end);
  }

  async onModuleDestroy(): Promise<void> {
    if (this.draining) return;
    this.draining = true;
    await Promise.all(this.preceding.map((end) => end()));
    const windowEndsAt = performance.now() + this.config.drainWindowMs;
    const sockets = [...this.namespaces.allSockets()];
    if (sockets.length > 0) this.logger.log('draining', { sockets: sockets.length });
    const { size, intervalMs } = drainPace(sockets.length, this.config.drainWindowMs);
    const goodbyes: Promise<void>[] = [];
    let waiting = sockets;
    for (;;) {
      // Who has gone meanwhile takes no time of the window: a node whose clients have all left ends at once.
      waiting = waiting.filter(({ connected }) => connected);
      for (const socket of waiting.splice(0, size)) goodbyes.push(this.sendAway(socket, windowEndsAt));
      if (waiting.length === 0) break;
      await delay(intervalMs);
    }
    await Promise.all(goodbyes);
    // Whoever had been let in already when it began has connected meanwhile.
    await Promise.all(
      [...this.namespaces.allSockets()].map((socket) => endSocket(socket, goodbye(), { isShutdown: true })),
    );
    await this.hooksEnded(Math.max(MIN_HOOKS_MS, windowEndsAt - performance.now()));
  }

  /** An event that a backend handles already is answered first: its client could not know whether it took effect. [N5] */
  private async sendAway(socket: GatewaySocket, windowEndsAt: number): Promise<void> {
    const answered = socketState(socket).inbox?.finish();
    if (answered) {
      const over = new AbortController();
      const withinMs = Math.max(MIN_HOOKS_MS, windowEndsAt - performance.now());
      await Promise.race([answered, delay(withinMs, undefined, { signal: over.signal }).catch(() => {})]);
      over.abort();
    }
    await endSocket(socket, goodbye(), { isShutdown: true });
  }

  private async hooksEnded(withinMs: number): Promise<void> {
    if (this.disconnectHooks.size === 0) return;
    const over = new AbortController();
    await Promise.race([
      Promise.all(this.disconnectHooks),
      delay(withinMs, undefined, { signal: over.signal }),
    ]);
    over.abort();
    const sockets = this.disconnectHooks.size;
    if (sockets > 0) this.logger.warn('disconnect hooks did not end in time', { sockets });
  }
}

/** Each client is told another moment to come back. */
const goodbye = (): SwitchboardError =>
  new SwitchboardError('server.draining', { retryAfterMs: 200 + Math.floor(Math.random() * 1000) });
