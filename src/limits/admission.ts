import { Inject, Injectable } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { SwitchboardError } from '../protocol/errors.js';
import { LocalRegistry } from '../registry/local-registry.js';
import type { Arriving, Participant } from '../sockets/participants.js';
import { socketState, type GatewaySocket, type SocketState } from '../sockets/socket-state.js';
import { addressGroup } from '../http/client-address.js';
import { createBucket, take } from './token-bucket.js';

/** Retrying sooner than this after "too many sockets" is pointless. */
const RETRY_AFTER_MS = 5_000;

/** How many sockets there may be: in all, per user, per address, and handshakes per second. [Q1] */
@Injectable()
export class Admission implements Participant {
  private readonly handshakes = createBucket();
  /** By address group: those on their way in are counted too. */
  private readonly perAddress = new Map<string, number>();
  /** How many have a place: an app's own checks may take their time after this one, and others come meanwhile. */
  private places = 0;
  private readonly placesPerUser = new Map<string, number>();

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
   * Lets a socket in or refuses it. It has a place until its arrival ends, well or badly.
   * @throws SwitchboardError `limit.sockets`
   */
  arriving(arriving: Arriving): void {
    const { address } = arriving;
    const { user } = socketState(arriving.socket);
    const { maxConnections, maxSocketsPerUser, maxSocketsPerIp } = this.config;
    if (maxConnections > 0 && this.registry.socketCount + this.places >= maxConnections) {
      throw tooMany('this node has as many sockets as it may have');
    }
    const ofUser = this.registry.socketCountOf(user) + (this.placesPerUser.get(user) ?? 0);
    if (maxSocketsPerUser > 0 && ofUser >= maxSocketsPerUser) {
      throw tooMany(`this user has ${maxSocketsPerUser} sockets, which is the limit`);
    }
    if (maxSocketsPerIp > 0 && (this.perAddress.get(addressGroup(address)) ?? 0) >= maxSocketsPerIp) {
      throw tooMany(`this address has ${maxSocketsPerIp} sockets, which is the limit`);
    }
    this.places++;
    change(this.placesPerUser, user, 1);
    if (maxSocketsPerIp > 0) change(this.perAddress, addressGroup(address), 1);
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
    change(this.placesPerUser, user, -1);
  }

  private freeAddress(address: string): void {
    if (this.config.maxSocketsPerIp > 0) change(this.perAddress, addressGroup(address), -1);
  }
}

function change(counts: Map<string, number>, name: string, by: 1 | -1): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}

const tooMany = (message: string): SwitchboardError =>
  new SwitchboardError('limit.sockets', { message, retryAfterMs: RETRY_AFTER_MS });
