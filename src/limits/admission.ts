import { Inject, Injectable } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { SwitchboardError } from '../protocol/errors.js';
import { LocalRegistry } from '../registry/local-registry.js';
import { addressGroup } from './address.js';
import { createBucket, take } from './token-bucket.js';

/** Retrying sooner than this after "too many sockets" is pointless. */
const RETRY_AFTER_MS = 5_000;

/** How many sockets there may be: in all, per user, per address, and handshakes per second. [Q1] */
@Injectable()
export class Admission {
  private readonly handshakes = createBucket();
  private readonly perAddress = new Map<string, number>();
  /** Let in, but not connected yet: several handshakes can be decided in one turn of the event loop. */
  private readonly pendingPerUser = new Map<string, number>();
  private pending = 0;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly registry: LocalRegistry,
  ) {}

  /** Whether one more handshake may begin now; asked before anything else is done for it. */
  admitHandshake(): boolean {
    const { handshakesPerSecond: rate } = this.config;
    return rate === 0 || take(this.handshakes, performance.now(), rate, Math.max(rate, 1)) === 0;
  }

  /**
   * Lets a socket in or refuses it. The place is held until the end of this turn, by which time the socket counts
   * as connected.
   * @throws SwitchboardError `limit.sockets`
   */
  admit(user: string, address: string): void {
    const { maxConnections, maxSocketsPerUser, maxSocketsPerIp } = this.config;
    if (maxConnections > 0 && this.registry.socketCount + this.pending >= maxConnections) {
      throw tooMany('this node has as many sockets as it may have');
    }
    const ofUser = this.registry.socketCountOf(user) + (this.pendingPerUser.get(user) ?? 0);
    if (maxSocketsPerUser > 0 && ofUser >= maxSocketsPerUser) {
      throw tooMany(`this user has ${maxSocketsPerUser} sockets, which is the limit`);
    }
    if (maxSocketsPerIp > 0 && (this.perAddress.get(addressGroup(address)) ?? 0) >= maxSocketsPerIp) {
      throw tooMany(`this address has ${maxSocketsPerIp} sockets, which is the limit`);
    }
    this.hold(user);
  }

  connected(address: string): void {
    if (this.config.maxSocketsPerIp > 0) this.countAddress(address, 1);
  }

  disconnected(address: string): void {
    if (this.config.maxSocketsPerIp > 0) this.countAddress(address, -1);
  }

  private hold(user: string): void {
    if (this.pending++ === 0) setImmediate(this.releaseAll);
    this.pendingPerUser.set(user, (this.pendingPerUser.get(user) ?? 0) + 1);
  }

  private readonly releaseAll = (): void => {
    this.pending = 0;
    this.pendingPerUser.clear();
  };

  private countAddress(address: string, change: 1 | -1): void {
    const group = addressGroup(address);
    const count = (this.perAddress.get(group) ?? 0) + change;
    if (count > 0) this.perAddress.set(group, count);
    else this.perAddress.delete(group);
  }
}

const tooMany = (message: string): SwitchboardError =>
  new SwitchboardError('limit.sockets', { message, retryAfterMs: RETRY_AFTER_MS });
