import type { SocketEntry } from '../../../protocol/entries.js';
import { SwitchboardError } from '../../../protocol/errors.js';
import type { RegistryWriter } from '../../registry.js';
import { unavailable } from '../connection/client.js';
import { fieldsOf, letterOf } from './entry-fields.js';
import type { Change } from '../lua/change.js';
import { CHANGE, HELD } from '../lua/scripts.js';
import { luaJson } from '../lua/script.js';
import type { NodeContext } from '../node/node-context.js';
import { TurnBatcher } from '../connection/turn-batcher.js';

/** What the holdings need of the engine. */
export type HoldingsContext = Pick<
  NodeContext,
  | 'runEarly'
  | 'isAvailable'
  | 'identity'
  | 'wallTime'
  | 'recoveryWindowMs'
  | 'sessionsKeepMs'
  | 'outOfDate'
  | 'renewWhenDue'
>;

/** Redis is given time for others: all nodes may have to write everything again at the same time. */
const REWRITTEN_AT_ONCE = 100;
/** How many sockets are compared at a time: 10,000 take eight minutes, and Redis less than a thousandth of its time. */
const CHECKED_AT_ONCE = 100;

const MAX_DEPARTURES = 100_000;

/** What this node holds, as it is written to the registry of all nodes in Redis. [R4] */
export class RedisRegistryWriter implements RegistryWriter {
  private readonly changes: TurnBatcher<Change>;
  private writes = 0;
  /** Whether some node wants events of changes: then it is said when they were made. To ask Redis costs more. [W2] */
  private areTold = false;
  /** Sockets with changes under way, and how many: what is written of them is not yet what it will be. */
  private readonly changing = new Map<string, number>();
  /** What sockets left on purpose that Redis may not know of: once they have gone, nothing else tells that they did. */
  private readonly departures: Change[] = [];
  /** How far the check of what this node holds has come. */
  private checking: Iterator<SocketEntry> | undefined;
  /** Sockets that were let in and are not connected yet, with the generation of this node that wrote them. */
  private readonly entering = new Map<string, string>();

  constructor(private readonly context: HoldingsContext) {
    this.changes = new TurnBatcher(async (changes) => {
      try {
        const { recoveryWindowMs, sessionsKeepMs } = context;
        const at = this.areTold ? [context.wallTime()] : [];
        const times = [recoveryWindowMs, sessionsKeepMs, ...at];
        const reply = await context.runEarly(CHANGE, ...context.identity(), luaJson(changes), ...times);
        const [writes, results, areTold] = reply as [number, unknown[], 1 | null];
        this.writes = writes;
        this.areTold = areTold === 1;
        return results;
      } catch (failure) {
        context.outOfDate();
        throw failure;
      }
    });
  }

  async enter(socketId: string, entry: () => SocketEntry, maxSocketsPerUser: number): Promise<void> {
    this.entering.set(socketId, this.context.identity()[1]);
    const change: Change = ['enter', socketId, ...fieldsOf(entry()), maxSocketsPerUser];
    const result = await this.change(change).catch((failure: unknown) => {
      this.entering.delete(socketId);
      throw failure;
    });
    if (result === 1) return;
    this.entering.delete(socketId);
    throw new SwitchboardError('limit.sockets', {
      message: `this user has the ${maxSocketsPerUser} sockets it may have`,
    });
  }

  connected(socketId: string, entry: () => SocketEntry): void {
    const generation = this.entering.get(socketId);
    this.entering.delete(socketId);
    if (generation === this.context.identity()[1]) return;
    // Where it fails, everything is written again, and it is part of that now.
    this.change(['hold', socketId, ...fieldsOf(entry()), entry().rooms]).then(
      (isHeld) => isHeld === 1 || this.context.outOfDate(),
      () => undefined,
    );
  }

  /** Has what was changed in this turn written before what is asked next. */
  flush(): void {
    this.changes.flush();
  }

  upgraded(socketId: string, transport: SocketEntry['transport']): void {
    // Where it fails, everything is written again.
    this.change(['transport', socketId, letterOf(transport)]).catch(() => undefined);
  }

  async leave(socketId: string, comesBack: boolean, reason?: string): Promise<void> {
    this.entering.delete(socketId);
    const how = comesBack ? 'broken' : 'left';
    await this.change(reason === undefined ? ['leave', socketId, how] : ['leave', socketId, how, reason]);
  }

  async joined(socketId: string, room: string): Promise<void> {
    await this.change(['join', socketId, room]);
  }

  async parted(socketId: string, room: string): Promise<void> {
    await this.change(['part', socketId, room]);
  }

  /** How often this node has changed the registry; Redis knowing of as many shows that it has lost none of them. */
  get timesChanged(): number {
    return this.writes;
  }

  /**
   * Writes again what this node holds, and takes out what it does not.
   *
   * A socket that is being changed right now is left as it is: what is known of it here is not settled.
   * @returns whether there was one, so that it has to be done again
   */
  async rewrite(held: () => Iterable<SocketEntry>): Promise<boolean> {
    const known = new Set<string>();
    let isUnsettled = false;
    let batch: Change[] = [];
    for (const socket of held()) {
      known.add(socket.socketId);
      if (this.changing.has(socket.socketId)) {
        isUnsettled = true;
        continue;
      }
      batch.push(holdOf(socket));
      if (batch.length < REWRITTEN_AT_ONCE) continue;
      if (!(await this.makeAll(batch))) isUnsettled = true;
      batch = [];
    }
    if (!(await this.makeAll(batch))) isUnsettled = true;
    const written = (await this.context.runEarly(HELD, this.context.identity()[0])) as string[];
    const unknown = written.some((id) => !known.has(id));
    // What they left on purpose, nobody waits for.
    while (this.departures.length > 0) {
      // Whoever has come in while this was written and asked is here now, and was not when the walk passed.
      for (const { socketId } of held()) known.add(socketId);
      const departures = this.departures.splice(0, REWRITTEN_AT_ONCE).filter(([, id]) => !known.has(id));
      await this.makeAll(departures);
    }
    if (unknown) for (const { socketId } of held()) known.add(socketId);
    const gone = written.filter((id) => !known.has(id) && !this.entering.has(id) && !this.changing.has(id));
    while (gone.length > 0) {
      await this.makeAll(gone.splice(0, REWRITTEN_AT_ONCE).map((id) => ['leave', id, 'broken']));
    }
    return isUnsettled;
  }

  /** Writes the next few of the sockets that this node holds again: whatever went wrong with them is right then. */
  async check(held: () => Iterable<SocketEntry>): Promise<void> {
    const changes: Change[] = [];
    this.checking ??= held()[Symbol.iterator]();
    for (let count = 0; count < CHECKED_AT_ONCE; count++) {
      const next = this.checking.next();
      if (next.done) {
        this.checking = undefined;
        break;
      }
      if (!this.changing.has(next.value.socketId)) changes.push(holdOf(next.value));
    }
    await this.makeAll(changes);
  }

  /** Whether all of them took effect: a socket that another node still seems to hold is not taken from it. */
  private async makeAll(changes: readonly Change[]): Promise<boolean> {
    const results = await Promise.all(changes.map((change) => this.changes.push(change)));
    // Not before: what is to be written would be out of date by then.
    await this.context.renewWhenDue();
    return results.every((result) => result === 1);
  }

  private async change(change: Change): Promise<unknown> {
    if (!this.context.isAvailable()) {
      this.remember(change);
      this.context.outOfDate();
      throw unavailable();
    }
    const socketId = change[1];
    this.changing.set(socketId, (this.changing.get(socketId) ?? 0) + 1);
    try {
      return await this.changes.push(change);
    } catch (failure) {
      this.remember(change);
      throw failure;
    } finally {
      const others = this.changing.get(socketId)! - 1;
      if (others === 0) this.changing.delete(socketId);
      else this.changing.set(socketId, others);
    }
  }

  private remember(change: Change): void {
    const isOnPurpose = change[0] === 'part' || (change[0] === 'leave' && change[2] === 'left');
    if (isOnPurpose && this.departures.length < MAX_DEPARTURES) this.departures.push(change);
  }
}

const holdOf = (socket: SocketEntry): Change => ['hold', socket.socketId, ...fieldsOf(socket), socket.rooms];
