import type { SharedPresence } from '../../presence.js';
import { unavailable } from '../connection/client.js';
import { UNWATCH, WATCH } from '../lua/scripts.js';
import { luaJson, type RunScript } from '../lua/script.js';
import type { NodeContext } from '../node/node-context.js';
import type { RedisSessions } from './redis-sessions.js';

/** What presence needs of the engine. */
export type PresenceContext = Pick<
  NodeContext,
  | 'run'
  | 'runEarly'
  | 'identity'
  | 'recoveryWindowMs'
  | 'nodeLeaseMs'
  | 'sessionsKeepMs'
  | 'barriers'
  | 'renewWhenDue'
>;

/** Redis is given time for others: all nodes may have to do this at the same time. */
const SYNCED_AT_ONCE = 50;

/** Which rooms this node is told of. [M4] */
export class RedisPresence implements SharedPresence {
  /** Redis does not know what this node watches, and may have missed who came and left. */
  private isStale = false;

  constructor(
    private readonly context: PresenceContext,
    private readonly sessions: Pick<RedisSessions, 'flush'>,
  ) {}

  async watch(room: string, knows: 'nothing' | 'all', begin: () => void): Promise<void> {
    const { context } = this;
    const { token, reached } = context.barriers.next();
    let isOver = false;
    // At the mark: what stands before it was told by then, and what stands behind it was not.
    const begun = reached().then(() => {
      if (isOver) throw unavailable();
      begin();
    });
    begun.catch(() => undefined);
    // The session wants what happens from here on, or from before.
    this.sessions.flush();
    try {
      await this.run(context.run, room, token, knows);
      await begun;
    } finally {
      isOver = true;
      context.barriers.drop(token);
    }
  }

  unwatch(room: string): void {
    // Where it fails, this node is told once more, and says so again.
    this.context.run(UNWATCH, ...this.context.identity(), room).catch(() => undefined);
  }

  /** Redis has lost everything. */
  lost(): void {
    this.isStale = true;
  }

  /** Makes up for what happened while Redis had lost everything. */
  async sync(rooms: Iterable<readonly [room: string, users: readonly string[]]>): Promise<void> {
    if (!this.isStale) return;
    let batch: Promise<unknown>[] = [];
    for (const [room, users] of rooms) {
      batch.push(this.run(this.context.runEarly, room, '', luaJson(users)));
      if (batch.length < SYNCED_AT_ONCE) continue;
      await Promise.all(batch);
      await this.context.renewWhenDue();
      batch = [];
    }
    await Promise.all(batch);
    this.isStale = false;
  }

  private run(run: RunScript, room: string, token: string, known: string): Promise<unknown> {
    const { recoveryWindowMs, nodeLeaseMs, sessionsKeepMs } = this.context;
    // The other nodes have to be given time to write what they hold.
    const holdMs = Math.max(recoveryWindowMs, nodeLeaseMs);
    return run(WATCH, ...this.context.identity(), room, token, known, holdMs, sessionsKeepMs);
  }
}
