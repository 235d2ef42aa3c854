import type { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';

const PREFIX = 'switchboard:microservice:';
const CLAIM_MS = 300_000;
const LEASE_MS = 3_000;
const RENEW_MS = 1_000;
/** Before the lease ends in Redis a node stops acting on it: clocks do not run alike. */
const MARGIN_MS = 500;

const TAKE_LEASE = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

const GIVE_BACK = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

/**
 * Sees to it that one node takes a message that Redis gives to all of them. [N4]
 *
 * A message that is answered has an ID, and the first node to claim that takes it. One that nobody waits for has none:
 * the node that holds a lease takes those. A node that has just got the lease takes nothing that was published before,
 * because the holder before it may have.
 */
export class RedisClaims {
  private leaseEndsAt = -Infinity;
  private isStopped = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly commands: Redis,
    private readonly subscription: Redis,
    private readonly node: string,
    private readonly logger: Logger,
  ) {}

  /** Resolves when it is known whether this node holds the lease. */
  async start(): Promise<void> {
    await this.renew();
    this.timer = setInterval(() => void this.renew(), RENEW_MS);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    this.leaseEndsAt = -Infinity;
    await this.commands.eval(GIVE_BACK, 1, `${PREFIX}lease`, this.node).catch(() => undefined);
  }

  /** Whether messages without an ID are this node's. */
  get holdsLease(): boolean {
    return performance.now() < this.leaseEndsAt;
  }

  /** Whether a message with an ID is this node's; of all nodes that ask, one is told so. */
  async claim(id: string): Promise<boolean> {
    return (await this.commands.set(`${PREFIX}claim:${id}`, this.node, 'PX', CLAIM_MS, 'NX')) === 'OK';
  }

  /** Never rejects. */
  private async renew(): Promise<void> {
    const askedAt = performance.now();
    try {
      const taken = await this.commands.eval(TAKE_LEASE, 1, `${PREFIX}lease`, this.node, LEASE_MS);
      if (taken !== 1) return;
      // What was published before the lease was taken has come in when the subscription answers.
      if (!this.holdsLease) await this.subscription.ping();
      if (!this.isStopped) this.leaseEndsAt = askedAt + LEASE_MS - MARGIN_MS;
    } catch (failure) {
      this.logger.debug(`the lease of messages could not be renewed: ${String(failure)}`);
    }
  }
}
