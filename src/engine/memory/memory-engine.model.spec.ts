import fc from 'fast-check';
import type { Position, Publication, Selection, Target } from '../../protocol/publication.js';
import { createMemoryEngine, type MemoryEngineUnderTest } from '../contract/memory-engine-under-test.js';
import {
  ShadowEngine,
  type ShadowRecord,
  type ShadowSession,
  type ShadowState,
} from '../contract/shadow-engine.js';
import type { LoggedPublication } from '../log.js';
import { SessionBusy, type Claim } from '../sessions.js';

// All times are multiples of the engine's tick, so that both sides end a session at the same moment.
const TICK_MS = 250;
const DAY_MS = 86_400_000;
const WINDOW_MS = 4 * TICK_MS;
const SESSIONS_KEEP_MS = 6 * TICK_MS;
const HISTORY = [
  { pattern: 'few:*', size: 3, ttlMs: 40 * TICK_MS },
  { pattern: 'brief:*', size: 50, ttlMs: 2 * TICK_MS },
  { pattern: 'user:1', size: 2, ttlMs: 8 * TICK_MS },
];
const HISTORY_ROOMS = ['few:a', 'few:b', 'brief:a', 'user:1'];
const ROOMS = [...HISTORY_ROOMS, 'plain:a', 'plain:b'];
const FIRST_ROOMS = [['brief:a', 'plain:a'], ['few:a', 'brief:a'], []];
const SLOTS = FIRST_ROOMS.length;
const userOf = (slot: number): string => String(slot % 2);

type Step =
  | { do: 'publish'; to: Target; except: Selection; volatile: boolean; namespace: string | undefined }
  | { do: 'open' | 'detach' | 'close'; slot: number }
  | { do: 'join' | 'leave'; slot: number; room: string }
  | { do: 'close-of-user'; user: string }
  | { do: 'leave-of-user'; user: string; room: string }
  | {
      do: 'claim';
      slot: number;
      cursor: number | 'none' | 'made up';
      outcome: 'attach' | 'release' | 'leave open';
    }
  | { do: 'finish' }
  | { do: 'advance'; ticks: number }
  | { do: 'read'; room: string; back: number | 'none' | 'other epoch'; limit: number }
  | { do: 'drop'; room: string };

const slot = fc.nat(SLOTS - 1);
const room = fc.constantFrom(...ROOMS);
const historyRoom = fc.constantFrom(...HISTORY_ROOMS);
const some = <Value>(value: fc.Arbitrary<Value>, maxLength: number) =>
  fc.oneof(fc.constant(undefined), fc.array(value, { maxLength }));
const selection = (maxLength: number): fc.Arbitrary<Selection> =>
  fc.record({
    rooms: some(room, maxLength),
    users: some(slot.map(userOf), maxLength),
    sockets: some(
      slot.map((each) => `s${each}`),
      maxLength,
    ),
  });
const target: fc.Arbitrary<Target> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Target>({ all: true }) },
  { weight: 5, arbitrary: selection(3) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      to: target,
      except: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: selection(1) }),
      volatile: fc.nat(9).map((chance) => chance === 0),
      namespace: fc.constantFrom(undefined, undefined, undefined, '/', '/other'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('open' as const), slot }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('detach' as const), slot }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), slot }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'join', 'leave'), slot, room }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close-of-user' as const), user: slot.map(userOf) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('leave-of-user' as const), user: slot.map(userOf), room }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      slot,
      cursor: fc.oneof(fc.nat(12), fc.constantFrom('none' as const, 'made up' as const)),
      outcome: fc.constantFrom('attach' as const, 'attach', 'release', 'leave open'),
    }),
  },
  { weight: 3, arbitrary: fc.constant<Step>({ do: 'finish' }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ticks: fc.integer({ min: 1, max: 7 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      room: historyRoom,
      back: fc.oneof(
        fc.integer({ min: -2, max: 8 }),
        fc.constantFrom('none' as const, 'other epoch' as const),
      ),
      limit: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), room: historyRoom }) },
);

/** A claim that is not through the handshake yet. */
interface OpenClaim {
  readonly claim: Claim;
  readonly session: ShadowSession;
  readonly state: ShadowState;
  readonly seq: number;
}

/** Does the same with the engine and with the shadow, and compares what can be seen. */
class Comparison {
  /** What happened, so that a run that shows nothing can be told from one that does. */
  readonly seen = { recovered: 0, gone: 0, covered: 0, uncovered: 0 };
  private readonly slots: (ShadowSession | undefined)[] = [];
  private readonly cursors: { readonly cursor: string; readonly seq: number }[] = [];
  private readonly epochs = new Map<string, string>();
  private readonly openClaims: OpenClaim[] = [];
  private lastId = 0;

  constructor(
    private readonly test: MemoryEngineUnderTest,
    private readonly shadow: ShadowEngine,
    private readonly maxBytes: number,
  ) {}

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'publish':
        this.publish(step);
        break;
      case 'open':
        this.open(step.slot);
        break;
      case 'detach':
        this.detach(step.slot);
        break;
      case 'close':
        this.close(step.slot);
        break;
      case 'join':
      case 'leave':
        this.move(step);
        break;
      case 'close-of-user':
        this.closeOfUser(step.user);
        break;
      case 'leave-of-user':
        this.leaveOfUser(step.user, step.room);
        break;
      case 'claim':
        this.claim(step);
        break;
      case 'finish':
        this.finish(this.openClaims.shift());
        break;
      case 'advance':
        this.shadow.advance(step.ticks * TICK_MS);
        await this.test.advance(step.ticks * TICK_MS);
        break;
      case 'read':
        this.read(step);
        break;
      case 'drop':
        this.test.engine.history.drop(step.room);
        this.shadow.drop(step.room);
        break;
    }
    const { stats } = this.test.engine;
    expect(stats.bytes).toBeLessThanOrEqual(this.maxBytes);
    expect(stats.sessions).toBe(this.shadow.sessions.filter(({ state }) => state.is !== 'ended').length);
    expect(stats.waitingSessions).toBe(
      this.shadow.sessions.filter(({ state }) => state.is === 'waiting').length,
    );
  }

  /** When everyone has gone and everything has expired, nothing is left. */
  async finishAll(): Promise<void> {
    for (const { sessionId } of this.shadow.sessions) this.test.engine.sessions.close(sessionId);
    await this.test.advance(DAY_MS);
    await this.test.advance(DAY_MS);
    expect(this.test.engine.stats).toEqual({
      publications: 0,
      bytes: 0,
      rooms: 0,
      sessions: 0,
      waitingSessions: 0,
      keys: 0,
    });
  }

  private publish({ to, except, volatile, namespace }: Extract<Step, { do: 'publish' }>): void {
    const id = `p${++this.lastId}`;
    const publication: Publication = { id, event: 'e', args: [id], to, except, volatile, namespace };
    const before = this.test.engine.cursor;
    const isKept = this.shadow.publish(publication);
    const { stamp } = this.test.engine.publish(publication);
    expect(stamp!.cursor !== before).toBe(isKept);
    expect(this.test.engine.cursor).toBe(stamp!.cursor);
    this.cursors.push({ cursor: stamp!.cursor, seq: this.shadow.seq });
    const positions = this.shadow.positions(publication);
    expect(stamp!.positions?.size ?? 0).toBe(positions.size);
    for (const [name, { epoch, offset }] of stamp!.positions ?? []) {
      expect([name, offset]).toEqual([name, positions.get(name)]);
      this.expectEpoch(name, epoch);
    }
  }

  private open(index: number): void {
    this.close(index);
    const identity = { sessionId: `x${++this.lastId}`, socketId: `s${index}`, user: userOf(index) };
    this.test.engine.sessions.open({ ...identity, namespace: '/', token: null });
    const session: ShadowSession = {
      ...identity,
      openedSeq: this.shadow.seq,
      rooms: new Map(),
      pastStays: [],
      state: { is: 'attached' },
    };
    this.shadow.sessions.push(session);
    this.slots[index] = session;
  }

  private detach(index: number): void {
    const session = this.slots[index];
    if (session === undefined) return;
    this.test.engine.sessions.detach(session.sessionId);
    if (session.state.is === 'attached' || session.state.is === 'claimed') this.shadow.wait(session);
  }

  private close(index: number): void {
    const session = this.slots[index];
    if (session === undefined) return;
    this.test.engine.sessions.close(session.sessionId);
    this.shadow.end(session);
  }

  private closeOfUser(user: string): void {
    this.test.engine.sessions.closeOf({ user });
    for (const session of this.shadow.sessions) if (session.user === user) this.shadow.end(session);
  }

  private leaveOfUser(user: string, name: string): void {
    this.test.engine.sessions.leaveOf({ user }, name);
    for (const session of this.shadow.sessions) {
      if (session.user !== user) continue;
      if (this.shadow.leave(session, name) && session.state.is === 'claimed') this.shadow.end(session);
    }
  }

  private move({ do: what, slot: index, room: name }: Extract<Step, { do: 'join' | 'leave' }>): void {
    const session = this.slots[index];
    if (session === undefined) return;
    const { sessions } = this.test.engine;
    if (what === 'leave') {
      sessions.left(session.sessionId, name);
      this.shadow.leave(session, name);
    } else {
      sessions.joined(session.sessionId, { room: name, meta: false, byRight: true });
      if (!session.rooms.has(name)) session.rooms.set(name, this.shadow.seq);
    }
  }

  private claim({ slot: index, cursor: choice, outcome }: Extract<Step, { do: 'claim' }>): void {
    const session = this.slots[index];
    if (session === undefined) return;
    const known = typeof choice === 'number' ? this.cursors.at(-1 - choice) : undefined;
    const cursor = choice === 'made up' ? 'made.up' : known?.cursor;
    // One from before it began stands for nothing that was got since.
    const seq = choice === 'made up' ? Infinity : Math.max(known?.seq ?? 0, session.openedSeq);
    const before = session.state;
    const takenOver = this.test.hooks.takenOver.length;
    const request = { user: session.user, namespace: '/', cursor };
    const attempt = () => this.test.engine.sessions.claim(session.sessionId, request);
    if (before.is === 'claimed') {
      expect(attempt).toThrow(SessionBusy);
      return;
    }
    const claim = attempt();
    const canBeClaimed = before.is === 'attached' || before.is === 'waiting';
    if (!canBeClaimed || seq > this.shadow.seq) {
      expect(claim).toBeUndefined();
      return;
    }
    const { isGone, mayBeGone } = this.shadow.since(session, seq);
    if (claim === undefined) {
      expect(isGone || mayBeGone).toBe(true);
      this.shadow.end(session);
      this.seen.gone++;
      return;
    }
    expect(isGone).toBe(false);
    expect(claim.socketId).toBe(session.socketId);
    expect(claim.rooms.map((each) => each.room)).toEqual([...session.rooms.keys()]);
    expect(this.test.hooks.takenOver.slice(takenOver)).toEqual(
      before.is === 'attached' ? [session.socketId] : [],
    );
    const endsAt = before.is === 'waiting' ? before.endsAt : this.shadow.now + WINDOW_MS;
    session.state = { is: 'claimed', endsAt };
    const open = { claim, session, state: session.state, seq };
    if (outcome === 'attach') this.finish(open);
    else if (outcome === 'leave open') this.openClaims.push(open);
    else {
      claim.release();
      if (endsAt <= this.shadow.now) this.shadow.end(session);
      else this.shadow.wait(session, endsAt);
    }
  }

  private finish(open: OpenClaim | undefined): void {
    if (open === undefined) return;
    const { claim, session, state, seq } = open;
    if (session.state !== state) {
      expect(() => claim.missed()).toThrow();
      return;
    }
    const { missed, isGone, mayBeGone } = this.shadow.since(session, seq);
    let given: string[] | undefined;
    try {
      given = (claim.missed() as readonly LoggedPublication[]).map(({ publication: { id } }) => id);
    } catch {
      expect(isGone || mayBeGone).toBe(true);
      this.shadow.end(session);
      this.seen.gone++;
      return;
    }
    expect(isGone).toBe(false);
    expect(given).toEqual(missed);
    session.state = { is: 'attached' };
    if (missed.length > 0) this.seen.recovered++;
  }

  private read({ room: name, back, limit }: Extract<Step, { do: 'read' }>): void {
    const all = this.shadow.in(name);
    const epoch = this.epochs.get(name) ?? '';
    const since: Position | undefined =
      back === 'none'
        ? undefined
        : back === 'other epoch'
          ? { epoch: `${epoch}x`, offset: all.length }
          : { epoch, offset: all.length - back };
    const page = this.test.engine.history.read(name, { since, limit });
    expect(page.offset).toBe(all.length);
    this.expectEpoch(name, page.epoch);
    const given = page.publications.map(({ id }) => id);
    expect(page.publications.map(({ offset }) => offset)).toEqual(
      given.map((id) => all.findIndex(({ publication }) => publication.id === id) + 1),
    );
    if (since === undefined) {
      const shown = all.filter((record) => this.shadow.shows(name, record)).slice(-limit);
      this.expectNewest(given, shown);
      expect(page).toMatchObject({ covered: true, more: false });
      return;
    }
    const { entries, isShown } = this.shadow.after(name, since);
    if (!page.covered) {
      expect([given, page.more]).toEqual([[], false]);
      const mayBeEvicted = entries.some((record) => this.shadow.mayBeEvicted(record));
      expect(since.epoch !== page.epoch || !isShown || mayBeEvicted).toBe(true);
      this.seen.uncovered++;
      return;
    }
    expect([since.epoch, isShown]).toEqual([page.epoch, true]);
    expect(given).toEqual(entries.slice(0, limit).map(({ publication: { id } }) => id));
    expect(page.more).toBe(entries.length > limit);
    this.seen.covered++;
  }

  /** The newest ones, and all of them unless memory ran out. */
  private expectNewest(given: readonly string[], shown: readonly ShadowRecord[]): void {
    const missing = shown.slice(0, shown.length - given.length);
    expect(given).toEqual(shown.slice(missing.length).map(({ publication: { id } }) => id));
    for (const record of missing) expect(this.shadow.mayBeEvicted(record)).toBe(true);
  }

  private expectEpoch(name: string, epoch: string): void {
    expect(epoch).toBe(this.epochs.get(name) ?? epoch);
    this.epochs.set(name, epoch);
  }
}

describe.each([
  ['with memory enough', 134_217_728],
  ['with memory for a handful of publications', 8_000],
])('memory engine against a shadow %s', (_, maxHistoryBytes) => {
  it('[H2] [H4] gives exactly what was missed, or says that something has gone', async () => {
    const seen = { recovered: 0, gone: 0, covered: 0, uncovered: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
        const test = await createMemoryEngine({
          history: HISTORY,
          recoveryWindowMs: WINDOW_MS,
          pingIntervalMs: TICK_MS,
          pingTimeoutMs: TICK_MS,
          maxHistoryBytes,
        });
        const shadow = new ShadowEngine({
          history: HISTORY,
          recoveryWindowMs: WINDOW_MS,
          sessionsKeepMs: SESSIONS_KEEP_MS,
          maxBytes: maxHistoryBytes,
        });
        const comparison = new Comparison(test, shadow, maxHistoryBytes);
        try {
          // Most of what there is to see needs someone who is there from the start.
          for (const [index, rooms] of FIRST_ROOMS.entries()) {
            await comparison.run({ do: 'open', slot: index });
            for (const each of rooms) await comparison.run({ do: 'join', slot: index, room: each });
          }
          for (const each of steps) await comparison.run(each);
          await comparison.finishAll();
        } finally {
          await test.close();
        }
        for (const what of Object.keys(seen) as (keyof typeof seen)[]) seen[what] += comparison.seen[what];
      }),
      { numRuns: 150 },
    );
    // A run in which nothing of this happened would prove nothing.
    for (const [what, count] of Object.entries(seen)) expect([what, count > 0]).toEqual([what, true]);
  });
});
