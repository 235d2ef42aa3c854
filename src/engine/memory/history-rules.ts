import type { HistoryRule } from '../../config/values.js';
import { isInternalRoom, isUnlistedRoom } from '../../protocol/names.js';

/** Which rule of `SWITCHBOARD_HISTORY` a room is under. [H1] */
export class HistoryRules {
  constructor(private readonly rules: readonly HistoryRule[]) {}

  get isEmpty(): boolean {
    return this.rules.length === 0;
  }

  /** The first that matches; the room keeps no history when none does. */
  of(room: string): HistoryRule | undefined {
    if (isInternalRoom(room) || isUnlistedRoom(room)) return undefined;
    for (const rule of this.rules) if (matches(rule.pattern, room)) return rule;
    return undefined;
  }
}

function matches(pattern: string, room: string): boolean {
  return pattern.endsWith('*')
    ? room.length >= pattern.length - 1 && room.startsWith(pattern.slice(0, -1))
    : room === pattern;
}
