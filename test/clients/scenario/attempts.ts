/** How a feature is measured: how often it is tried, how long it may take, and what is made of it. */
import { ENDINGS, HARMLESS, isShare, type Feature, type Outcomes } from '../features.js';
import type { Visit } from './visit.js';

/** How long what is known to work may take on a busy machine, and how long is waited for what is known not to. */
const PATIENCE_MS = { yes: 40_000, no: 3_000 };

export interface Tries {
  /** How often what is known to come out now one way and now the other is measured. */
  readonly unsteady: number;
  /** Whether what is known to come out well, and did not, is measured a second time. */
  readonly again: boolean;
}

/** Resolves when the client can, and rejects when it cannot. */
export type Check = (visit: Visit) => Promise<unknown>;

/** What one client by one transport was found able to do. */
export class Attempts {
  readonly outcomes: Outcomes = {};
  /** Why it is no, for whoever measures anew. */
  readonly reasons: Partial<Record<Feature, string>> = {};

  constructor(
    private readonly visit: Visit,
    /** How it came out before. */
    readonly expected: Outcomes,
    private readonly tries: Tries,
  ) {
    visit.patienceMs = PATIENCE_MS.yes;
  }

  async measure(feature: Feature, check: Check): Promise<void> {
    const times = isShare(this.expected[feature]) && !ENDINGS.has(feature) ? this.tries.unsteady : 1;
    let successes = 0;
    for (let n = 0; n < times; n += 1) successes += (await this.isAble(feature, check)) ? 1 : 0;
    const isDue = successes === 0 && this.expected[feature] === 'yes' && !ENDINGS.has(feature);
    // The machine may have been too busy: Redis counts as away when it takes more than a second.
    if (isDue && this.tries.again && (await this.isAble(feature, check))) successes = 1;
    if (times > 1) this.outcomes[feature] = `${successes} of ${times}`;
    else this.outcomes[feature] = successes === 1 ? 'yes' : 'no';
  }

  /** What it did badly does not count against what comes next. */
  private async isAble(feature: Feature, check: Check): Promise<boolean> {
    const { visit } = this;
    visit.patienceMs = PATIENCE_MS[this.expected[feature] === 'no' ? 'no' : 'yes'];
    try {
      await check(visit);
      return true;
    } catch (reason) {
      this.reasons[feature] = `${(reason as Error).message.slice(0, 300)} ${visit.complaint}`;
      visit.patienceMs = PATIENCE_MS.yes;
      if (!HARMLESS.has(feature)) await visit.connect().catch(() => undefined);
      return false;
    }
  }
}
