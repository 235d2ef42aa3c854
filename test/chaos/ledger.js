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

  /** By number: the node that was asked. */
  nodes = [''];

  begin(node) {
    this.outcomes.push(0);
    this.nodes.push(node);
    return this.begun;
  }

  /** By number: when its answer came. */
  endedAt = [0];

  end(number, isAccepted) {
    this.endedAt[number] = performance.now();
    if (isAccepted) this.outcomes[number] = ACCEPTED;
  }
}

/**
 * What was accepted around the moment in which Redis lost everything may be lost with it: it was in the inboxes of nodes
 * that had not read it, or the registry did not have everyone again.
 */
export function forgive(streams, from, to) {
  for (const { outcomes, endedAt } of streams) {
    for (let number = outcomes.length - 1; number > 0; number--) {
      if (endedAt[number] >= from && endedAt[number] <= to) outcomes[number] = 0;
    }
  }
}

/** What one client got of one stream, in the order of arrival, and which parts of it were due. */
export class Receipts {
  got = [];
  /** How much of it came before each time it began anew: who is told that, can get something twice. */
  beginnings = [];
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

  beginAnew() {
    this.closeAtLast();
    this.beginnings.push(this.got.length);
  }

  /** How many were due, and what is wrong: numbers that were lost, doubled, or came after a later one. */
  audit() {
    const { outcomes, nodes, begun } = this.stream;
    const seen = new Set(this.got);
    const faults = { lost: [], doubled: [], reordered: [], acrossNodes: [], due: 0 };
    for (const [index, from] of [0, ...this.beginnings].entries()) {
      const life = this.got.slice(from, this.beginnings[index]);
      if (new Set(life).size < life.length)
        faults.doubled.push(...life.filter((each, at) => life.indexOf(each) !== at));
      const highest = new Map();
      let highestOfAll = 0;
      for (const number of life) {
        if (outcomes[number] !== ACCEPTED) continue;
        const node = nodes[number];
        if (number < (highest.get(node) ?? 0)) faults.reordered.push(number);
        else if (number < highestOfAll) faults.acrossNodes.push(number);
        highest.set(node, Math.max(highest.get(node) ?? 0, number));
        highestOfAll = Math.max(highestOfAll, number);
      }
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
