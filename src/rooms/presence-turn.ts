import type { JsonValue } from '../protocol/json.js';

/** Who came and who left, as the clients get it. [M4] */
export interface PresenceNotice {
  readonly joined: readonly { readonly user: string; readonly info: JsonValue }[];
  readonly left: readonly string[];
}

type Step =
  | { readonly user: string; readonly info: JsonValue; readonly came: true }
  | { readonly user: string; readonly came: false };

/** What happened in one room within one turn of the event loop, so that it is told at once instead of one by one. */
export class PresenceTurn {
  private readonly steps: Step[] = [];
  /** Sockets that began to watch within the turn, and how much had happened by then. */
  readonly newWatchers = new Map<string, number>();

  came(user: string, info: JsonValue): void {
    this.steps.push({ user, info, came: true });
  }

  left(user: string): void {
    this.steps.push({ user, came: false });
  }

  /** A socket watches from here on: what happened before is no news to it, its own coming included. */
  watchedBy(socketId: string): void {
    this.newWatchers.set(socketId, this.steps.length);
  }

  /** What is different for whoever has watched from a step on; `undefined` when nothing is. */
  noticeFrom(step = 0): PresenceNotice | undefined {
    const first = new Map<string, Step>();
    const last = new Map<string, Step>();
    for (const each of this.steps.slice(step)) {
      if (!first.has(each.user)) first.set(each.user, each);
      last.set(each.user, each);
    }
    const joined: { user: string; info: JsonValue }[] = [];
    const left: string[] = [];
    for (const [user, end] of last) {
      // Who came and left again, or left and came back, within the turn is where it was.
      if (first.get(user)!.came !== end.came) continue;
      if (end.came) joined.push({ user, info: end.info });
      else left.push(user);
    }
    return joined.length + left.length === 0 ? undefined : { joined, left };
  }
}
