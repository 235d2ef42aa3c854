import type { PresenceChange, PresencePlace, PresenceState } from '../../engine/presence.js';
import type { JsonValue } from '../../protocol/json.js';
import { addressed, type AddressedNotice, type LateWatcher, type Step } from './room-presence.js';

/** More than any place: what is of older contents of shared state is before everything of newer ones. */
const ERA = 2 ** 44;
/** The place of a break of a user whom nobody here knows of: before every beginning. */
const BEFORE_ALL = -1;
/** Between two places: what happened at one of them was before. */
const AFTER = 0.5;

/**
 * What those who watch a room on this node take for true: who is in it on all nodes. [M4]
 *
 * Notices are what changes in that, so whatever is told twice, or again after shared state was lost, is told to nobody
 * twice. Watchers differ in one thing only: who began while a user was held for its return does not know of it.
 */
export class WatchedRoom {
  /** Users, with the place at which their connection broke when they are held for their return. */
  private readonly shown = new Map<string, number | undefined>();
  private absences = 0;
  /** Sockets that began to watch while somebody was held, or after what this node was told last, and where. */
  private readonly late = new Map<string, Omit<LateWatcher, 'socketId'>>();
  /** What those who watch were not told yet, and the place of the last of it. */
  private untold: Step[] = [];
  private lastAt: PresencePlace;
  private epoch = '';
  private era = 0;

  constructor({ at, present, absent }: PresenceState) {
    this.lastAt = at;
    this.numberOf(at);
    for (const user of present) this.shown.set(user, undefined);
    for (const { user, brokeAt } of absent) this.shown.set(user, this.era * ERA + brokeAt);
    this.absences = absent.length;
  }

  get users(): readonly string[] {
    return [...this.shown.keys()];
  }

  get absentCount(): number {
    return this.absences;
  }

  /** A socket watches from this place on, which may have been on another node. */
  watchedBy(socketId: string, since: PresencePlace): void {
    // Another node has told it who was there when these contents began; of whom it knew besides is not known here.
    const isUnsure = since.epoch !== this.epoch;
    this.late.set(socketId, { beganAt: this.era * ERA + (isUnsure ? 0 : since.seq) + AFTER, isUnsure });
  }

  /** Takes in a change, of which those who watch are told by {@link tell}. */
  changed({ at, joined, left, broken, held, lost }: PresenceChange): void {
    const now = this.numberOf(at);
    const steps = [
      ...joined.flatMap(({ user, info }) => this.came(now, user, info)),
      ...left.flatMap((user) => this.gone(now, user)),
      ...lost.flatMap(({ user }) => (this.shown.get(user) === undefined ? [] : this.gone(now, user))),
    ];
    for (const user of broken) this.hold(user, now);
    for (const user of held) this.hold(user, this.era * ERA);
    this.untold.push(...steps);
    this.lastAt = at;
  }

  /** Shared state had lost everything: takes in what is different from what it is now. */
  synced({ at, present, joined, absent }: PresenceState): void {
    const now = this.numberOf(at);
    const infos = new Map(joined.map(({ user, info }) => [user, info]));
    const held = new Map(absent.map(({ user, brokeAt }) => [user, brokeAt]));
    const isPresent = new Set(present);
    const steps = present.flatMap((user) => this.came(now, user, infos.get(user) ?? null));
    for (const [user, brokeAt] of this.shown) {
      if (isPresent.has(user) || brokeAt !== undefined || held.has(user)) continue;
      steps.push(...this.gone(now, user));
    }
    for (const [user, brokeAt] of held) this.hold(user, this.era * ERA + brokeAt);
    this.untold.push(...steps);
    this.lastAt = at;
  }

  private came(at: number, user: string, info: unknown): Step[] {
    const brokeAt = this.shown.get(user);
    if (this.shown.has(user) && brokeAt === undefined) return [];
    this.shown.set(user, undefined);
    if (brokeAt === undefined) return [{ kind: 'came', at, user, info: info as JsonValue }];
    this.absences--;
    return [{ kind: 'returned', at, user, info: info as JsonValue, brokeAt }];
  }

  private gone(at: number, user: string): Step[] {
    if (!this.shown.has(user)) return [];
    const brokeAt = this.shown.get(user);
    this.shown.delete(user);
    if (brokeAt === undefined) return [{ kind: 'left', at, user }];
    this.absences--;
    return [{ kind: 'lost', at, user, brokeAt }];
  }

  private hold(user: string, brokeAt: number): void {
    if (this.shown.get(user) !== undefined) return;
    this.shown.set(user, this.shown.has(user) ? brokeAt : BEFORE_ALL);
    this.absences++;
  }

  /** The place of the last change that was taken in. */
  get at(): PresencePlace {
    return this.lastAt;
  }

  /** What those who watch have to be told of what happened since they were told last. [M7] */
  tell(): AddressedNotice[] {
    const steps = this.untold;
    this.untold = [];
    const now = this.numberOf(this.lastAt);
    const late = [...this.late].map(([socketId, watcher]) => ({ socketId, ...watcher }));
    late.sort((one, other) => one.beganAt - other.beganAt);
    const notices = steps.length === 0 ? [] : addressed(steps, late);
    for (const { socketId, beganAt } of late) {
      // From here on it is like all others.
      if (this.absences > 0 || beganAt > now + 1) break;
      this.late.delete(socketId);
    }
    return notices;
  }

  private numberOf({ epoch, seq }: PresencePlace): number {
    if (epoch !== this.epoch) {
      this.epoch = epoch;
      this.era++;
    }
    return this.era * ERA + seq;
  }
}
