import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Metrics } from '../telemetry/metrics.js';
import type { Participant, Refusal, TurnedAway } from '../sockets/participants.js';

/** One line for one code and address in this time, and then one with how many there were. */
const QUIET_MS = 1_000;

/** Addresses and codes that are told apart; a flood from more of them is counted as one. */
const MAX_TOLD_APART = 1_000;

/** Origin and user agent are whatever the client wrote. */
const MAX_TEXT_LENGTH = 256;

/** Refusals of one code from one address since a line was written for it. */
interface Quiet {
  readonly code: string;
  readonly address: string;
  count: number;
}

/** Counts the clients that are refused, and says why. [L10] */
@Injectable()
export class RefusalLog implements Participant, OnModuleDestroy {
  private readonly logger = new Logger('Gateway');
  private readonly quiet = new Map<string, Quiet>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly metrics: Metrics) {}

  onModuleDestroy(): void {
    clearInterval(this.timer);
    this.sayCounts();
  }

  refused(refusal: Refusal): void {
    this.metrics.refused(refusal.code);
    if (!Logger.isLevelEnabled('log')) return;
    const address = this.quiet.size < MAX_TOLD_APART ? refusal.address : 'several';
    const key = `${refusal.code} ${address}`;
    const known = this.quiet.get(key);
    if (known) {
      known.count++;
      return;
    }
    this.quiet.set(key, { code: refusal.code, address, count: 0 });
    this.timer ??= setInterval(() => this.sayCounts(), QUIET_MS).unref();
    this.logger.log('a client was refused', describe(refusal));
  }

  turnedAway({ kind }: TurnedAway): void {
    if (kind === 'unknown_session') this.metrics.unknownSession();
  }

  /** A code and address that is heard of again and again gets one line with its count each time. */
  private sayCounts(): void {
    for (const [key, { code, address, count }] of this.quiet) {
      if (count === 0) {
        this.quiet.delete(key);
        continue;
      }
      this.logger.log('more clients were refused', { code, address, count });
      this.quiet.set(key, { code, address, count: 0 });
    }
    if (this.quiet.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}

function describe(refusal: Refusal): Record<string, unknown> {
  const { code, why, stage, address, origin, userAgent, protocol, transport, namespace } = refusal;
  const fields: Record<string, unknown> = { code, why, stage, address, protocol, transport };
  const user = refusal.claimedUser();
  if (user !== undefined) fields['claimedUser'] = user;
  if (namespace !== undefined && namespace !== '/') fields['namespace'] = shortened(namespace);
  if (origin !== undefined) fields['origin'] = shortened(origin);
  if (userAgent !== undefined) fields['userAgent'] = shortened(userAgent);
  return fields;
}

const shortened = (text: string): string =>
  text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text;
