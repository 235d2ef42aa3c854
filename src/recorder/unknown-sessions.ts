import type { UnknownSession } from './episode.js';

/** Requests with unknown sessions that are remembered. */
const MAX_KEPT = 1_000;
/** Session IDs that other nodes are asked for at once; more in the same second are not asked for. */
const MAX_ASKED = 32;
const ASK_AFTER_MS = 250;

interface Kept extends UnknownSession {
  isElsewhere: boolean;
}

/**
 * Requests with the ID of a connection that this node does not have, and whether another live node has it: then requests
 * of one client reach several nodes. [X1]
 */
export class UnknownSessions {
  private readonly kept: Kept[] = [];
  private asking = new Map<string, Kept[]>();
  private timer: NodeJS.Timeout | undefined;

  /** @param whoHas asks the other nodes which of these they have; never rejects */
  constructor(private readonly whoHas: (connectionIds: readonly string[]) => Promise<readonly string[]>) {}

  add(connectionId: string, address: string, transport: string): void {
    const seen: Kept = { at: Date.now(), address, transport, isElsewhere: false };
    this.kept.push(seen);
    if (this.kept.length > MAX_KEPT) this.kept.shift();
    const known = this.asking.get(connectionId);
    if (known) known.push(seen);
    else if (this.asking.size < MAX_ASKED) this.asking.set(connectionId, [seen]);
    this.timer ??= setTimeout(() => void this.ask(), ASK_AFTER_MS).unref();
  }

  of(addresses: ReadonlySet<string>): UnknownSession[] {
    return this.kept.filter(({ address }) => addresses.has(address));
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private async ask(): Promise<void> {
    const { asking } = this;
    this.asking = new Map();
    this.timer = undefined;
    for (const connectionId of await this.whoHas([...asking.keys()])) {
      for (const seen of asking.get(connectionId) ?? []) seen.isElsewhere = true;
    }
  }
}
