/** Random choices that a seed repeats: every scenario has a generator of its own, whatever runs beside it. */

const GOLDEN_RATIO = 0x9e3779b9;

/** mulberry32: small, fast, and good enough to choose by. */
export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** The generator of one scenario of a seed. */
  static of(seed, scenario) {
    const random = new Random((seed ^ Math.imul(scenario + 1, GOLDEN_RATIO)) >>> 0);
    // Neighbouring seeds start alike; the first numbers mix them.
    random.next();
    random.next();
    return random;
  }

  /** From 0 to below 1. */
  next() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number, both ends included. */
  int(min, max) {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(probability) {
    return this.next() < probability;
  }

  pick(list) {
    return list[Math.floor(this.next() * list.length)];
  }

  /** One of `[[weight, value], …]`. */
  weighted(choices) {
    let rest = this.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of choices) {
      rest -= weight;
      if (rest < 0) return value;
    }
    return choices[0][1];
  }

  bytes(length) {
    return Buffer.from(Array.from({ length }, () => this.int(0, 255)));
  }

  /** `count` results of `make`. */
  several(count, make) {
    return Array.from({ length: count }, () => make(this));
  }
}
