/** All rules, and what they say together. [X2] */
import type { Evidence } from '../episode.js';
import { bySurety, type Finding, type Rule } from './finding.js';
import { flooding, slowConsumer } from './rules/load.js';
import { nodeStalled, pingTimeout, tabAsleep } from './rules/ping-timeout.js';
import { proxyTimeout } from './rules/proxy-timeout.js';
import { joinRefused, refused } from './rules/refused.js';
import {
  ackMissing,
  deploy,
  heldOnline,
  nodeLost,
  notRecovered,
  roomsNotRejoined,
  stoppedRetrying,
} from './rules/return.js';
import { receivedTwice, takenOver } from './rules/several-sockets.js';
import { notSticky, payloadTooLarge, stuckOnPolling } from './rules/transport.js';

/** Rules that read connections; what became of one publication is read by `publication-verdict.ts`. */
export const RULES: readonly Rule[] = [
  refused,
  joinRefused,
  pingTimeout,
  proxyTimeout,
  notSticky,
  payloadTooLarge,
  tabAsleep,
  roomsNotRejoined,
  notRecovered,
  takenOver,
  receivedTwice,
  ackMissing,
  heldOnline,
  stoppedRetrying,
  slowConsumer,
  stuckOnPolling,
  flooding,
  nodeStalled,
  nodeLost,
  deploy,
];

/** What the record says about a subject, surest first. The same evidence gives the same findings. */
export function explain(evidence: Evidence, rules: readonly Rule[] = RULES): readonly Finding[] {
  const findings: Finding[] = [];
  for (const { id, read } of rules) {
    const conclusion = read(evidence);
    if (conclusion) findings.push({ id, ...conclusion, doc: `/docs/why/${id}` });
  }
  return findings.toSorted(bySurety);
}
