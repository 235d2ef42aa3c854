import type { Evidence } from '../episode.js';

/** How sure a finding is. */
export type Confidence = 'certain' | 'likely' | 'possible';

/** IDs of findings: each names its page in `docs/why/`. Causes come before what follows from them. [X2] */
export const FINDING_IDS = [
  'refused',
  'join_refused',
  'tab_asleep',
  'ping_timeout',
  'proxy_timeout',
  'not_sticky',
  'payload_too_large',
  'rooms_not_rejoined',
  'not_recovered',
  'taken_over',
  'received_twice',
  'nobody_matched',
  'ack_missing',
  'slow_consumer',
  'stuck_on_polling',
  'flooding',
  'node_stalled',
  'node_lost',
  'deploy',
  'held_online',
  'stopped_retrying',
] as const;

export type FindingId = (typeof FINDING_IDS)[number];

/** An answer to "why": what was found, how sure, what it was read from, and what to do. */
export interface Finding {
  readonly id: FindingId;
  readonly confidence: Confidence;
  /** One sentence, for the person who asks. */
  readonly title: string;
  /** The facts that it was read from. */
  readonly because: readonly string[];
  readonly try: readonly string[];
  /** Path of the page that explains it. */
  readonly doc: string;
}

/** What a rule says; its ID and page are added. */
export type Conclusion = Omit<Finding, 'id' | 'doc'>;

/** One question, answered from the record alone. Pure: nothing is looked up, and nothing is kept. */
export interface Rule {
  readonly id: FindingId;
  read(evidence: Evidence): Conclusion | undefined;
}

const RANK: Readonly<Record<Confidence, number>> = { certain: 0, likely: 1, possible: 2 };

/** Surest first; among equals in the order of {@link FINDING_IDS}. */
export const bySurety = (one: Finding, other: Finding): number =>
  RANK[one.confidence] - RANK[other.confidence] ||
  FINDING_IDS.indexOf(one.id) - FINDING_IDS.indexOf(other.id);
