import type { PresenceNotice } from '../../engine/presence-notice.js';
import type { JsonValue } from '../../protocol/json.js';

export type { PresenceNotice };

/** A notice, and who of those that watch the room gets it. */
export interface AddressedNotice {
  readonly notice: PresenceNotice;
  /** `undefined`: all but {@link except}. */
  readonly to: readonly string[] | undefined;
  readonly except: readonly string[];
}

/** One thing that happened. The places in time are numbers that rise with everything that happens in the room. */
export type Step = { readonly at: number; readonly user: string } & (
  | { readonly kind: 'came'; readonly info: JsonValue }
  | { readonly kind: 'left' }
  /** Back in time, after its connection had broken. */
  | { readonly kind: 'returned'; readonly info: JsonValue; readonly brokeAt: number }
  /** Not back in time. */
  | { readonly kind: 'lost'; readonly brokeAt: number }
);

/** One of the few who began to watch lately, and where. */
export interface LateWatcher {
  readonly socketId: string;
  readonly beganAt: number;
  /** It is not known whether the watcher knows of those who broke before it began: it is told whatever becomes of them. */
  readonly isUnsure?: boolean;
}

/** Presence changes of a room are gathered for at most this long; a user who came and went within it is in no notice. [M7] */
export const GATHER_MS = 200;

/** The place where all other watchers began. */
const BEFORE_ALL = 0;

/** A user whose last connection broke and who may be back before anybody is told. */
interface Absence<Timer> {
  readonly brokeAt: number;
  readonly timer: Timer;
}

/**
 * What is going on in one room: the changes that were not told yet, which are told together instead of one by one, and
 * the users who are held for their return. Kept only while there is either. [M7]
 *
 * Watchers differ in what they know. Whoever began to watch while a user was away does not know of the user: it is told
 * when the user returns, and not when it does not, the other way round than all others. Lists per absence would grow
 * with the square of the room when everybody reconnects at once, so it is told by places in time: of the break, of the
 * return, and of the beginning of those few that began lately.
 */
export class RoomPresence<Timer> {
  private now = 0;
  private steps: Step[] = [];
  /** In the order of the breaks. */
  private readonly absences = new Map<string, Absence<Timer>>();
  /** Sockets that began to watch since the oldest break or since the last notice, in order. */
  private readonly beganAt = new Map<string, number>();

  /** Whether there is nothing to keep of it. */
  get isQuiet(): boolean {
    return this.steps.length === 0 && this.absences.size === 0;
  }

  get absentCount(): number {
    return this.absences.size;
  }

  /** A user's first socket is in. Gives back what waited for it. */
  came(user: string, info: JsonValue): Timer | undefined {
    const absence = this.endAbsence(user);
    const step = { at: ++this.now, user, info };
    if (absence) this.steps.push({ ...step, kind: 'returned', brokeAt: absence.brokeAt });
    else this.steps.push({ ...step, kind: 'came' });
    return absence?.timer;
  }

  /** A user's last socket has left on purpose. */
  left(user: string): void {
    this.steps.push({ at: ++this.now, user, kind: 'left' });
  }

  /**
   * The connection of a user's last socket broke. Gives back what waited for it before: it may have been back while no
   * socket of this node was in the room, so that nobody was told here.
   */
  broke(user: string, timer: Timer): Timer | undefined {
    const before = this.endAbsence(user);
    this.absences.set(user, { brokeAt: ++this.now, timer });
    return before?.timer;
  }

  /** The user did not come back in time. */
  lost(user: string): void {
    const absence = this.endAbsence(user);
    if (absence) this.steps.push({ at: ++this.now, user, kind: 'lost', brokeAt: absence.brokeAt });
  }

  /** A socket watches from here on: what happened before is no news to it, its own coming included. */
  watchedBy(socketId: string): void {
    this.beganAt.delete(socketId);
    this.beganAt.set(socketId, ++this.now);
  }

  unwatchedBy(socketId: string): void {
    this.beganAt.delete(socketId);
  }

  /** What watchers have to be told of the changes since they were told last; no watcher is told twice. */
  tell(): AddressedNotice[] {
    const { steps } = this;
    this.steps = [];
    const watchers = [...this.beganAt].map(([socketId, beganAt]) => ({ socketId, beganAt }));
    const notices = addressed(steps, watchers);
    this.forgetOldWatchers();
    return notices;
  }

  private endAbsence(user: string): Absence<Timer> | undefined {
    const absence = this.absences.get(user);
    if (absence) this.absences.delete(user);
    return absence;
  }

  /** Watchers that began before every break that still counts are like all others. */
  private forgetOldWatchers(): void {
    const [oldest] = this.absences.values();
    for (const [socketId, beganAt] of this.beganAt) {
      if (oldest && beganAt > oldest.brokeAt) return;
      this.beganAt.delete(socketId);
    }
  }
}

/** The notices of some steps, and their watchers; `watchers` in the order in which they began. */
export function addressed(steps: readonly Step[], watchers: readonly LateWatcher[]): AddressedNotice[] {
  const marks = steps.flatMap((step) => ('brokeAt' in step ? [step.brokeAt, step.at] : [step.at]));
  marks.sort((one, other) => one - other);
  const unsure = watchers.filter(({ isUnsure }) => isUnsure);
  const sure = watchers.filter(({ beganAt, isUnsure }) => !isUnsure && beganAt > marks[0]!);
  const notices: AddressedNotice[] = [];
  const forMost = changesFor(steps, { beganAt: BEFORE_ALL });
  const late = [...sure, ...unsure].map(({ socketId }) => socketId);
  if (forMost) notices.push({ notice: forMost, to: undefined, except: late });
  for (const [first, ...others] of [...between(marks, sure), ...between(marks, unsure)]) {
    const notice = changesFor(steps, first);
    if (notice) notices.push({ notice, to: [first, ...others].map(({ socketId }) => socketId), except: [] });
  }
  return notices;
}

/** Watchers that began between the same two marks have seen the same; both lists are in order. */
function between(
  marks: readonly number[],
  watchers: readonly LateWatcher[],
): [LateWatcher, ...LateWatcher[]][] {
  const groups: [LateWatcher, ...LateWatcher[]][] = [];
  let nextMark = 0;
  let markOfGroup = -1;
  for (const watcher of watchers) {
    while (nextMark < marks.length && marks[nextMark]! < watcher.beganAt) nextMark++;
    if (markOfGroup === nextMark) groups.at(-1)!.push(watcher);
    else groups.push([watcher]);
    markOfGroup = nextMark;
  }
  return groups;
}

/** What has changed for whoever began to watch then; `undefined` when nothing has. */
function changesFor(
  steps: readonly Step[],
  watcher: Omit<LateWatcher, 'socketId'>,
): PresenceNotice | undefined {
  const knew = new Map<string, boolean | undefined>();
  const last = new Map<string, Step>();
  for (const step of steps) {
    if (step.at < watcher.beganAt) continue;
    if (!knew.has(step.user)) knew.set(step.user, knewBefore(step, watcher));
    last.delete(step.user);
    last.set(step.user, step);
  }
  const joined: { user: string; info: JsonValue }[] = [];
  const left: string[] = [];
  for (const [user, step] of last) {
    const isIn = step.kind === 'came' || step.kind === 'returned';
    // A user who came and left again, or left and came back, between two notices is where it was. [M7]
    if (isIn === knew.get(user)) continue;
    if (isIn) joined.push({ user, info: step.info });
    else left.push(user);
  }
  return joined.length + left.length === 0 ? undefined : { joined, left };
}

/** Whether a watcher took the user for present before this happened; `undefined` when nobody knows. */
function knewBefore(step: Step, { beganAt, isUnsure }: Omit<LateWatcher, 'socketId'>): boolean | undefined {
  switch (step.kind) {
    case 'came':
      return false;
    case 'left':
      return true;
    case 'returned':
    case 'lost':
      if (beganAt < step.brokeAt) return true;
      return isUnsure ? undefined : false;
  }
}
