/**
 * What a token lets its user do in which rooms. [A2]
 *
 * Deny by default: an action is allowed only when some entry names it and the entry's pattern covers the room.
 * Room names are compared code unit by code unit, without case folding or Unicode normalisation: two names that
 * merely look alike are two rooms, here as in the registry.
 */
import { EVENT_PATTERN, EventPatterns } from './event-patterns.js';
import { SwitchboardError } from './errors.js';

/** Everything a capability can allow. */
export const ROOM_ACTIONS = ['join', 'emit', 'presence', 'history'] as const;

/** One thing a user may do in a room. */
export type RoomAction = (typeof ROOM_ACTIONS)[number];

/** One entry of a token's `caps` claim. */
export interface Capability {
  /** A room name, or a prefix that ends in `*`; `{user}` stands for the token's `sub`. */
  readonly room: string;
  readonly allow: readonly RoomAction[];
  /** Which events `emit` is allowed for: names, or prefixes that end in `*`. All of them when not given. [D9] */
  readonly events?: readonly string[];
}

/** Capabilities bound to one user, ready to be asked on every event. */
export interface CompiledCapabilities {
  /**
   * Whether some entry allows the action in the room. Costs O(entries).
   * @param event for `emit`: the event that is to be sent
   */
  allows(action: RoomAction, room: string, event?: string): boolean;
}

/** Open mode: everyone may do everything. [C4] */
export const ALL_CAPABILITIES: CompiledCapabilities = Object.freeze({ allows: () => true });

/** What a token without `caps` may do. */
export const NO_CAPABILITIES: CompiledCapabilities = Object.freeze({ allows: () => false });

const ACTION_BIT: Readonly<Record<RoomAction, number>> = { join: 1, emit: 2, presence: 4, history: 8 };

const USER_PLACEHOLDER = '{user}';

interface CompiledGrant {
  readonly text: string;
  readonly isPrefix: boolean;
  /** Bits of {@link ACTION_BIT}: a socket keeps its grants for as long as it lives, a Set each would weigh. */
  readonly actions: number;
  readonly events: EventPatterns | undefined;
}

class Grants implements CompiledCapabilities {
  constructor(private readonly grants: readonly CompiledGrant[]) {}

  allows(action: RoomAction, room: string, event?: string): boolean {
    const bit = ACTION_BIT[action];
    for (const grant of this.grants) {
      if ((grant.actions & bit) === 0) continue;
      if (event !== undefined && grant.events?.allows(event) === false) continue;
      if (grant.isPrefix ? room.startsWith(grant.text) : room === grant.text) return true;
    }
    return false;
  }
}

/**
 * What is wrong with a pattern, or `undefined`.
 *
 * A `*` elsewhere than at the end and a brace that is not `{user}` could only be typing errors: they are refused
 * loudly instead of granting less (or, to a reader of the token, seemingly more) than was meant.
 */
export function patternProblem(pattern: string): string | undefined {
  if (pattern === '') return 'expected a room name or a pattern';
  const star = pattern.indexOf('*');
  if (star !== -1 && star !== pattern.length - 1) return 'expected * only at the end';
  if (/[{}]/.test(pattern.split(USER_PLACEHOLDER).join(''))) return 'expected no braces other than {user}';
  return undefined;
}

/**
 * Binds a token's `caps` to its user.
 *
 * Whether a pattern is a prefix is decided before the user is put in, and the user is put in as it is: a `sub`
 * that holds `*`, `{user}` or replacement codes such as `$&` widens nothing. What no code can prevent is a user
 * whose name continues another's: with `inbox:{user}*`, user `4` covers `inbox:42`. Put a character that no
 * user name contains between `{user}` and `*`.
 *
 * @throws SwitchboardError `auth.token_invalid`, naming the entry, when a pattern is not well formed
 */
export function compileCapabilities(caps: readonly Capability[], user: string): CompiledCapabilities {
  if (caps.length === 0) return NO_CAPABILITIES;
  return new Grants(
    caps.map(({ room, allow, events }, index) => {
      const problem = patternProblem(room);
      if (problem !== undefined) {
        throw new SwitchboardError('auth.token_invalid', {
          errors: [{ path: `caps.${index}.room`, message: problem }],
        });
      }
      const wrong = events?.findIndex((pattern) => !EVENT_PATTERN.test(pattern)) ?? -1;
      if (wrong !== -1) {
        throw new SwitchboardError('auth.token_invalid', {
          errors: [
            { path: `caps.${index}.events.${wrong}`, message: 'expected an event name, or its start and *' },
          ],
        });
      }
      const isPrefix = room.endsWith('*');
      const literal = isPrefix ? room.slice(0, -1) : room;
      let actions = 0;
      for (const action of allow) actions |= ACTION_BIT[action];
      return {
        text: literal.split(USER_PLACEHOLDER).join(user),
        isPrefix,
        actions,
        events: events && new EventPatterns(events),
      };
    }),
  );
}
