/** What was published, and what of it each client got: nothing lost, doubled or out of order. [H4] [H5] */

/** Numbers every publication: within its stream, which is one target, and over all of them. */
export class Ledger {
  streams = new Map();
  /** The last number over all streams. */
  total = 0;

  /** Opens a stream; whoever listens to it gets numbers from 1 on. */
  open(name) {
    const stream = { name, count: 0, lastTotal: 0 };
    this.streams.set(name, stream);
    return stream;
  }

  /** The arguments of the next publication of a stream. */
  next(name) {
    const stream = this.streams.get(name) ?? this.open(name);
    stream.count++;
    stream.lastTotal = ++this.total;
    return [name, stream.count, this.total];
  }
}

/** What one client got of the streams that it listens to. */
export class Inbox {
  /** By stream: the highest number so far, and the lower ones that have not come. */
  seen = new Map();
  lastTotal = 0;
  counts = { received: 0, doubled: 0, outOfOrder: 0, strange: 0 };

  /**
   * @param {Ledger} ledger
   * @param {string[]} streams
   * @param {boolean} inTotalOrder whether the order holds over all streams, and not only within each
   */
  constructor(ledger, streams, inTotalOrder) {
    this.ledger = ledger;
    this.inTotalOrder = inTotalOrder;
    for (const name of streams) this.seen.set(name, { highest: 0, missing: undefined });
  }

  /** @param {[string, number, number]} args as {@link Ledger.next} made them */
  take([name, number, total]) {
    const stream = this.seen.get(name);
    this.counts.received++;
    if (stream === undefined) {
      this.counts.strange++;
      return;
    }
    if (number > stream.highest) {
      for (let missing = stream.highest + 1; missing < number; missing++) {
        (stream.missing ??= new Set()).add(missing);
      }
      stream.highest = number;
      if (this.inTotalOrder && total < this.lastTotal) this.counts.outOfOrder++;
    } else if (stream.missing?.delete(number)) this.counts.outOfOrder++;
    else this.counts.doubled++;
    this.lastTotal = Math.max(this.lastTotal, total);
  }

  /** How many publications have not come. */
  get lost() {
    let lost = 0;
    for (const [name, { highest, missing }] of this.seen) {
      lost += (missing?.size ?? 0) + (this.ledger.streams.get(name)?.count ?? 0) - highest;
    }
    return lost;
  }

  /** Whether everything up to this number over all streams is there. */
  hasAllOf(total) {
    return this.lastTotal >= total;
  }

  /** The last number over all streams that was meant for this client. */
  get latestMeant() {
    let latest = 0;
    for (const name of this.seen.keys()) {
      latest = Math.max(latest, this.ledger.streams.get(name)?.lastTotal ?? 0);
    }
    return latest;
  }
}
