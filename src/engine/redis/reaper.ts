import type { Held, Lease } from './lease.js';
import type { RunScript } from './scripts/script.js';
import { SWEEP_ABSENT } from './scripts/presence.js';
import { SWEEP_SESSIONS } from './scripts/session.js';

/** A node that has just come leaves the dead to those who were there, or to whoever they turn out to be. */
const SETTLING_MS = 2_000;
const SWEEP_AT_MOST = 100;

/** Takes out what dead nodes left behind, sessions that nobody came back to, and users that did not. Every node does; each thing is done once. */
export class Reaper {
  private reapsFrom = Infinity;

  constructor(
    private readonly lease: Lease,
    private readonly script: RunScript,
    private readonly sessionsKeepMs: number,
    private readonly nodeLost: (node: string, sockets: number) => void,
    /** Between batches, which may take longer than the lease lasts: see `Attachment`. */
    private readonly renewWhenDue: () => Promise<void>,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** This node has just made itself known. */
  begin(): void {
    this.reapsFrom = this.clock() + SETTLING_MS;
  }

  async carryOut({ lapsed, endedSessions, overdue }: Held): Promise<void> {
    if (endedSessions > 0) await this.script(SWEEP_SESSIONS, SWEEP_AT_MOST);
    if (overdue > 0) await this.script(SWEEP_ABSENT, SWEEP_AT_MOST, this.sessionsKeepMs);
    if (this.clock() < this.reapsFrom) return;
    for (const node of lapsed) {
      const sockets = await this.lease.reap(node, this.renewWhenDue);
      if (sockets !== undefined) this.nodeLost(node, sockets);
    }
  }
}
