/** What was published, and what each client must have got of it. */

export const ACCEPTED = 1;

/** One target. Its publications are numbered from 1 and made one after the other, by any node. */
export class Stream {
  /** By number: whether it was answered 202. What was answered otherwise, or not at all, may have been published. */
  outcomes = [0];

  constructor(name) {
    this.name = name;
  }

  /** The last number whose publishing has begun. */
  get begun() {
    return this.outcomes.length - 1;
  }

  begin() {
    this.outcomes.push(0);
    return this.begun;
  }

  end(number, isAccepted) {
    if (isAccepted) this.outcomes[number] = ACCEPTED;
  }
}

/** What one client got of one stream, in the order of arrival, and which parts of it were due. */
export class Receipts {
  got = [];
  /** `[after, upTo]`, both numbers; the last one is open while it is `Infinity`. */
  due = [];

  constructor(stream) {
    this.stream = stream;
  }

  get isDue() {
    return this.due.at(-1)?.[1] === Infinity;
  }

  /** Everything whose publishing begins from now on is due. */
  open() {
    if (!this.isDue) this.due.push([this.stream.begun, Infinity]);
  }

  /** It left, or was told that it missed something: what is due ends with the last one that came. */
  closeAtLast() {
    if (!this.isDue) return;
    const [after] = this.due.at(-1);
    let last = after;
    for (const number of this.got)
      if (this.stream.outcomes[number] === ACCEPTED && number > last) last = number;
    this.due.at(-1)[1] = last;
  }

  /** How many were due, and what is wrong: numbers that were lost, doubled, or came after a later one. */
  audit() {
    const { outcomes, begun } = this.stream;
    const seen = new Set();
    const faults = { lost: [], doubled: [], reordered: [], due: 0 };
    let highest = 0;
    for (const number of this.got) {
      if (seen.has(number)) faults.doubled.push(number);
      seen.add(number);
      if (outcomes[number] !== ACCEPTED) continue;
      if (number < highest) faults.reordered.push(number);
      highest = Math.max(highest, number);
    }
    for (const [after, upTo] of this.due) {
      for (let number = after + 1; number <= Math.min(upTo, begun); number++) {
        if (outcomes[number] !== ACCEPTED) continue;
        faults.due++;
        if (!seen.has(number)) faults.lost.push(number);
      }
    }
    return faults;
  }
}
