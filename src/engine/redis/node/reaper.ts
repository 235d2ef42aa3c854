import type { SocketEntry } from '../../../protocol/entries.js';
import type { Held, Lease } from './lease.js';
import type { Script } from '../lua/script.js';
import type { NodeContext } from './node-context.js';
import { SWEEP_ABSENT, SWEEP_AWAY, SWEEP_LOGS, SWEEP_SESSIONS } from '../lua/scripts.js';

/** A node that has just come leaves the dead to those who were there, or to whoever they turn out to be. */
const SETTLING_MS = 2_000;
/** What is swept in one run, so that Redis answers others in between. */
const BATCH_SIZE = 100;
/** How long one sweep keeps what else there is to do waiting. */
const SWEEP_WITHIN_MS = 500;

/** Takes out what dead nodes left behind, sessions that nobody came back to, and users that did not. Every node does; each thing is done once. */
export class Reaper {
  private reapsFrom = Infinity;

  constructor(
    private readonly lease: Lease,
    private readonly context: Pick<NodeContext, 'run' | 'renewWhenDue' | 'sessionsKeepMs'>,
    private readonly nodeLost: (node: string, sockets: number, entries: readonly SocketEntry[]) => void,
    private readonly clock: () => number = () => performance.now(),
    /** What is known of the sockets of a dead node, before they are taken out. */
    private readonly heldBy: (node: string) => Promise<readonly SocketEntry[]> = async () => [],
  ) {}

  /** This node has just made itself known. */
  begin(): void {
    this.reapsFrom = this.clock() + SETTLING_MS;
  }

  /** Gives whether everything was done that was due; what is left is there at the next renewal. */
  async carryOut({ lapsed, endedSessions, overdue, lapsingLogs, away }: Held): Promise<boolean> {
    if (this.clock() >= this.reapsFrom) await this.reap(lapsed);
    const sweeps = [
      endedSessions === 0 || (await this.sweep(SWEEP_SESSIONS)),
      overdue === 0 || (await this.sweep(SWEEP_ABSENT, this.context.sessionsKeepMs)),
      away === 0 || (await this.sweep(SWEEP_AWAY)),
      lapsingLogs === 0 || (await this.sweep(SWEEP_LOGS)),
    ];
    return !sweeps.includes(false);
  }

  private async reap(nodes: readonly string[]): Promise<void> {
    for (const node of nodes) {
      await this.context.renewWhenDue();
      const entries = await this.entriesOf(node);
      const sockets = await this.lease.reap(node, this.context.renewWhenDue);
      if (sockets !== undefined) this.nodeLost(node, sockets, entries);
    }
  }

  /** That they are not known keeps nothing from being taken out. */
  private entriesOf(node: string): Promise<readonly SocketEntry[]> {
    return this.heldBy(node).catch(() => []);
  }

  /** More may be left behind between two renewals than one run takes. Gives whether nothing is left. */
  private async sweep(script: Script, ...args: readonly number[]): Promise<boolean> {
    const endsAt = this.clock() + SWEEP_WITHIN_MS;
    let swept: unknown;
    do {
      await this.context.renewWhenDue();
      swept = await this.context.run(script, BATCH_SIZE, ...args);
    } while (swept === BATCH_SIZE && this.clock() < endsAt);
    return swept !== BATCH_SIZE;
  }
}
