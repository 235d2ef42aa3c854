/** A shadow of who is where, that says who has to get what. */
import fc from 'fast-check';

export const SEATS = 6;
const ROOMS = ['red', 'green', 'blue'] as const;
const USERS = ['ada', 'bob', 'cyd'] as const;

/** The user of a seat: each has two. */
export const userOf = (seat: number): string => USERS[seat % USERS.length]!;

/** Whom a publication is for, by seats instead of socket IDs. */
export interface SeatTarget {
  readonly all: boolean;
  readonly rooms: readonly string[];
  readonly users: readonly string[];
  readonly seats: readonly number[];
}

export type Payload = 'short' | 'long' | 'binary';

export type Command =
  | {
      readonly does: 'publish';
      readonly to: SeatTarget;
      readonly except: SeatTarget;
      readonly volatile: boolean;
      readonly acknowledged: boolean;
      readonly payload: Payload;
    }
  /** The server-side socket's own `emit`. */
  | { readonly does: 'emit'; readonly seat: number; readonly payload: Payload }
  | { readonly does: 'join' | 'leave'; readonly seat: number; readonly room: string }
  /** A backend ends the socket. */
  | { readonly does: 'end'; readonly seat: number; readonly reconnect: boolean }
  /** The client goes by itself. */
  | { readonly does: 'close'; readonly seat: number };

const seat = fc.nat(SEATS - 1);
const room = fc.constantFrom(...ROOMS);
const payload = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Payload>('short') },
  { weight: 1, arbitrary: fc.constant<Payload>('long') },
  { weight: 1, arbitrary: fc.constant<Payload>('binary') },
);
const selection = fc.record<SeatTarget>({
  all: fc.constant(false),
  rooms: fc.array(room, { maxLength: 2 }),
  users: fc.array(fc.constantFrom(...USERS), { maxLength: 2 }),
  seats: fc.array(seat, { maxLength: 2 }),
});
const NOBODY: SeatTarget = { all: false, rooms: [], users: [], seats: [] };
const target = fc.oneof(fc.constant<SeatTarget>({ ...NOBODY, all: true }), selection);

const oneIn = (times: number): fc.Arbitrary<boolean> => fc.nat(times - 1).map((number) => number === 0);

const publish = fc.record({
  does: fc.constant('publish' as const),
  to: target,
  except: fc.oneof({ weight: 3, arbitrary: fc.constant(NOBODY) }, { weight: 1, arbitrary: selection }),
  volatile: oneIn(5),
  acknowledged: oneIn(6),
  payload,
});
const emit = fc.record({ does: fc.constant('emit' as const), seat, payload });
const move = fc.record({ does: fc.constantFrom('join' as const, 'leave' as const), seat, room });
const end = fc.record({ does: fc.constant('end' as const), seat, reconnect: fc.boolean() });
const close = fc.record({ does: fc.constant('close' as const), seat });

/** Turns of the event loop, each with what is done in it. */
export const turns: fc.Arbitrary<Command[][]> = fc.array(
  fc.array(
    fc.oneof(
      { weight: 20, arbitrary: publish },
      { weight: 8, arbitrary: emit },
      { weight: 8, arbitrary: move },
      { weight: 1, arbitrary: end },
      { weight: 1, arbitrary: close },
    ),
    { minLength: 1, maxLength: 25 },
  ),
  { minLength: 5, maxLength: 25 },
);

/** What one seat has to get: the numbers, and which of them may be missing. */
interface Due {
  readonly number: number;
  readonly volatile: boolean;
}

export class DeliveryModel {
  private readonly rooms = new Map<string, Set<number>>(ROOMS.map((name) => [name, new Set()]));
  private readonly due: Due[][] = Array.from({ length: SEATS }, () => []);
  /** Seats whose client went by itself: what was under way then may not have come. */
  readonly closed = new Set<number>();
  /** Seats that a backend has ended. */
  readonly ended = new Set<number>();

  /** Whether nobody has ended it and it has not gone by itself. */
  isPresent(seat: number): boolean {
    return !this.ended.has(seat) && !this.closed.has(seat);
  }

  move(does: 'join' | 'leave', seat: number, room: string): void {
    if (does === 'join') this.rooms.get(room)!.add(seat);
    else this.rooms.get(room)!.delete(seat);
  }

  /** The seats that a publication is for. */
  recipients(to: SeatTarget, except: SeatTarget): number[] {
    const out = this.seatsOf(except);
    return [...this.seatsOf(to)].filter((seat) => !out.has(seat));
  }

  /** A seat that has been ended stays in the registry until its client has gone, and gets nothing more. */
  owe(seats: readonly number[], number: number, volatile: boolean): void {
    for (const seat of seats) if (!this.ended.has(seat)) this.due[seat]!.push({ number, volatile });
  }

  /** What is wrong with what a seat got, or undefined. */
  complaint(seat: number, got: readonly number[]): string | undefined {
    let at = 0;
    for (const { number, volatile } of this.due[seat]!) {
      if (got[at] === number) at++;
      else if (at === got.length && this.closed.has(seat)) return undefined;
      else if (!volatile)
        return `seat ${seat} got ${got[at]} where ${number} was due, after ${got.slice(0, at)}`;
    }
    return at === got.length ? undefined : `seat ${seat} got ${got[at]}, which was not due`;
  }

  private seatsOf({ all, rooms, users, seats }: SeatTarget): Set<number> {
    const everybody = Array.from({ length: SEATS }, (_, index) => index);
    return new Set([
      ...(all ? everybody : []),
      ...rooms.flatMap((name) => [...this.rooms.get(name)!]),
      ...everybody.filter((seat) => users.includes(userOf(seat))),
      ...seats,
    ]);
  }
}
