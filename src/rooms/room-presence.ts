import type { PresenceNotice } from '../engine/presence-notice.js';
import type { JsonValue } from '../protocol/json.js';

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

/** A user whose last connection broke and who may be back before anybody is told. */
interface Absence<Timer> {
  readonly brokeAt: number;
  readonly timer: Timer;
}

/**
 * What is going on in one room: the changes of this turn of the event loop, which are told at once instead of one by
 * one, and the users who are held for their return. Kept only while there is either.
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
  /** Sockets that began to watch since the oldest break or within the turn, in order. */
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

  /** What those who watch have to be told of the turn; nobody is told twice. */
  endTurn(): AddressedNotice[] {
    const { steps } = this;
    this.steps = [];
    const notices = addressed(steps, [...this.beganAt]);
    this.forgetOldWatchers();
    return notices;
  }

  private endAbsence(user: string): Absence<Timer> | undefined {
    const absence = this.absences.get(user);
    if (absence) this.absences.delete(user);
    return absence;
  }

  /** Those that began before every break that still counts are like all others. */
  private forgetOldWatchers(): void {
    const [oldest] = this.absences.values();
    for (const [socketId, beganAt] of this.beganAt) {
      if (oldest && beganAt > oldest.brokeAt) return;
      this.beganAt.delete(socketId);
    }
  }
}

/** Who is told what of some steps; `watchers` are those that began lately, in order. */
export function addressed(
  steps: readonly Step[],
  watchers: readonly (readonly [socketId: string, beganAt: number])[],
): AddressedNotice[] {
  const marks = steps.flatMap((step) => ('brokeAt' in step ? [step.brokeAt, step.at] : [step.at]));
  marks.sort((one, other) => one - other);
  const late = watchers.filter(([, beganAt]) => beganAt > marks[0]!);
  const notices: AddressedNotice[] = [];
  const forMost = noticeOf(steps, -Infinity);
  if (forMost) notices.push({ notice: forMost, to: undefined, except: late.map(([socketId]) => socketId) });
  for (const { beganAt, socketIds } of between(marks, late)) {
    const notice = noticeOf(steps, beganAt);
    if (notice) notices.push({ notice, to: socketIds, except: [] });
  }
  return notices;
}

/** Watchers that began between the same two marks have seen the same; both lists are in order. */
function between(
  marks: readonly number[],
  watchers: readonly (readonly [socketId: string, beganAt: number])[],
): { readonly beganAt: number; readonly socketIds: string[] }[] {
  const groups: { beganAt: number; nextMark: number; socketIds: string[] }[] = [];
  let nextMark = 0;
  for (const [socketId, beganAt] of watchers) {
    while (nextMark < marks.length && marks[nextMark]! < beganAt) nextMark++;
    const last = groups.at(-1);
    if (last?.nextMark === nextMark) last.socketIds.push(socketId);
    else groups.push({ beganAt, nextMark, socketIds: [socketId] });
  }
  return groups;
}

/** What has changed for whoever began to watch then; `undefined` when nothing has. */
function noticeOf(steps: readonly Step[], beganAt: number): PresenceNotice | undefined {
  const knew = new Map<string, boolean>();
  const last = new Map<string, Step>();
  for (const step of steps) {
    if (step.at < beganAt) continue;
    if (!knew.has(step.user)) knew.set(step.user, knewBefore(step, beganAt));
    last.delete(step.user);
    last.set(step.user, step);
  }
  const joined: { user: string; info: JsonValue }[] = [];
  const left: string[] = [];
  for (const [user, step] of last) {
    const isIn = step.kind === 'came' || step.kind === 'returned';
    // Who came and left again, or left and came back, within the turn is where it was.
    if (isIn === knew.get(user)) continue;
    if (isIn) joined.push({ user, info: step.info });
    else left.push(user);
  }
  return joined.length + left.length === 0 ? undefined : { joined, left };
}

/** Whether a watcher that began then took the user for present before this happened. */
function knewBefore(step: Step, beganAt: number): boolean {
  switch (step.kind) {
    case 'came':
      return false;
    case 'left':
      return true;
    case 'returned':
    case 'lost':
      return beganAt < step.brokeAt;
  }
}
