import { Inject, Injectable } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { SwitchboardError } from '../protocol/errors.js';
import { LocalRegistry } from '../registry/local-registry.js';
import { HalfOpen } from '../sockets/half-open.js';
import type { Arriving, Participant } from '../sockets/participants.js';
import { socketState, type GatewaySocket, type SocketState } from '../sockets/socket-state.js';
import { addressGroup } from '../http/client-address.js';
import { changeCount } from './counts.js';
import { createBucket, take } from './token-bucket.js';

/** Retrying sooner than this after "too many sockets" is pointless. */
const RETRY_AFTER_MS = 5_000;

/** How much of the rate of handshakes one address may use. */
const SHARE_OF_ONE_ADDRESS = 0.75;

/** How many sockets there may be: in all, per user, per address, and handshakes per second. [Q1] */
@Injectable()
export class Admission implements Participant {
  private readonly handshakes = createBucket();
  /** Of this second, by address group: as many at the most as the rate lets begin. */
  private readonly handshakesByAddress = new Map<string, number>();
  private countedSince = -Infinity;
  /** By address group: those on their way in are counted too. */
  private readonly perAddress = new Map<string, number>();
  /** How many have a place: an app's own checks may take their time after this one, and others come meanwhile. */
  private places = 0;
  private readonly placesPerUser = new Map<string, number>();

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly registry: LocalRegistry,
    private readonly halfOpen: HalfOpen,
  ) {}

  /**
   * Why no handshake may begin now; asked before anything else is done for it.
   *
   * One address may use three quarters of the rate: whatever comes from it, others get in.
   */
  refusalOfHandshake(address: string): SwitchboardError | undefined {
    const { handshakesPerSecond: rate } = this.config;
    if (rate === 0) return undefined;
    const now = performance.now();
    if (now - this.countedSince >= 1000) {
      this.countedSince = now;
      this.handshakesByAddress.clear();
    }
    const group = addressGroup(address);
    const ofAddress = this.handshakesByAddress.get(group) ?? 0;
    if (ofAddress >= Math.ceil(rate * SHARE_OF_ONE_ADDRESS)) {
      return new SwitchboardError('limit.rate', {
        message: 'too many handshakes per second from this address',
      });
    }
    if (take(this.handshakes, now, rate, Math.max(rate, 1)) !== 0) {
      return new SwitchboardError('limit.rate', { message: 'too many handshakes per second on this node' });
    }
    this.handshakesByAddress.set(group, ofAddress + 1);
    return undefined;
  }

  /**
   * Lets a socket in or refuses it. It has a place until its arrival ends, well or badly.
   *
   * A user that has as many sockets as it may have gets in all the same when one of them is half open.
   * @throws SwitchboardError `limit.sockets`
   */
  arriving(arriving: Arriving): Promise<void> | void {
    const { user } = socketState(arriving.socket);
    if (!this.isFull(user)) {
      this.admit(arriving);
      return;
    }
    return this.halfOpen.makeRoom(user).then(() => {
      if (!arriving.isOver) this.admit(arriving);
    });
  }

  private isFull(user: string): boolean {
    const { maxSocketsPerUser } = this.config;
    const ofUser = this.registry.socketCountOf(user) + (this.placesPerUser.get(user) ?? 0);
    return maxSocketsPerUser > 0 && ofUser >= maxSocketsPerUser;
  }

  private admit(arriving: Arriving): void {
    const { address } = arriving;
    const { user } = socketState(arriving.socket);
    const { maxConnections, maxSocketsPerUser, maxSocketsPerIp } = this.config;
    if (maxConnections > 0 && this.registry.socketCount + this.places >= maxConnections) {
      throw tooMany('this node has as many sockets as it may have');
    }
    if (this.isFull(user)) {
      throw tooMany(`this user has ${maxSocketsPerUser} sockets, which is the limit`);
    }
    if (maxSocketsPerIp > 0 && (this.perAddress.get(addressGroup(address)) ?? 0) >= maxSocketsPerIp) {
      throw tooMany(`this address has ${maxSocketsPerIp} sockets, which is the limit`);
    }
    this.places++;
    changeCount(this.placesPerUser, user, 1);
    if (maxSocketsPerIp > 0) changeCount(this.perAddress, addressGroup(address), 1);
    arriving.defer(() => {
      this.freePlace(user);
      this.freeAddress(address);
    });
  }

  /** The socket is counted by the registry from now on. */
  connected(socket: GatewaySocket): void {
    this.freePlace(socketState(socket).user);
  }

  ended({ address }: SocketState): void {
    this.freeAddress(address);
  }

  private freePlace(user: string): void {
    this.places--;
    changeCount(this.placesPerUser, user, -1);
  }

  private freeAddress(address: string): void {
    if (this.config.maxSocketsPerIp > 0) changeCount(this.perAddress, addressGroup(address), -1);
  }
}

const tooMany = (message: string): SwitchboardError =>
  new SwitchboardError('limit.sockets', { message, retryAfterMs: RETRY_AFTER_MS });
