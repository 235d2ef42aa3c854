import { Inject, Injectable } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { SwitchboardError } from '../protocol/errors.js';
import { LocalRegistry } from '../registry/local-registry.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { addressGroup } from '../http/client-address.js';
import { createBucket, take } from './token-bucket.js';

/** Retrying sooner than this after "too many sockets" is pointless. */
const RETRY_AFTER_MS = 5_000;

/** The place of a socket that has been let in and is not connected yet. */
interface Reservation {
  readonly user: string;
  readonly address: string;
  /** Listens to the connection's end; only where the app's own checks take their time. */
  free: (() => void) | undefined;
}

const ENTERING = Symbol('switchboard.entering');
const RESERVATION = Symbol('switchboard.place');

/** What is private in Socket.IO's types: the client side of a connection, and here its sockets in the handshake. */
interface Entrance {
  readonly client: { [ENTERING]?: readonly GatewaySocket[] };
}

/** A place is kept at its socket: a map would be rebuilt all the time, and its old tables hold on to sockets that ended. */
type AdmittedSocket = GatewaySocket & { [RESERVATION]?: Reservation | undefined };

const NOBODY: readonly GatewaySocket[] = [];

/** How many sockets there may be: in all, per user, per address, and handshakes per second. [Q1] */
@Injectable()
export class Admission {
  private readonly handshakes = createBucket();
  /** By address group: those on their way in are counted too. */
  private readonly perAddress = new Map<string, number>();
  /** How many have a place: an app's own checks may take their time after {@link admit}, and others come meanwhile. */
  private places = 0;
  private readonly placesPerUser = new Map<string, number>();
  /** Let in during this turn of the event loop; nearly all are connected at its end. */
  private admitted: AdmittedSocket[] = [];

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
   * Lets a socket in or refuses it. Its place is kept until it is {@link connected}, {@link refused}, or its
   * connection closes.
   * @throws SwitchboardError `limit.sockets`
   */
  admit(socket: GatewaySocket, user: string, address: string): void {
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
    this.keepPlace(socket, user, address);
  }

  /**
   * A connection carries one socket per namespace. Socket.IO sees to that once the socket is connected; before, one
   * message full of requests to connect would make as many sockets.
   * @throws SwitchboardError `payload.invalid`, and closes the connection as Socket.IO does
   */
  enter(socket: GatewaySocket): void {
    const { client } = socket as unknown as Entrance;
    const entering = client[ENTERING] ?? NOBODY;
    if (entering.some((other) => other.nsp === socket.nsp)) {
      socket.conn.close();
      throw new SwitchboardError('payload.invalid', { message: 'this connection is connecting already' });
    }
    client[ENTERING] = [...entering, socket];
  }

  /** The socket counts as connected from now on; call {@link disconnected} when it has gone. */
  connected(socket: GatewaySocket): void {
    this.hasEntered(socket);
    this.freeReservation(socket);
  }

  /** Something else refused the socket after it was let in, or before. */
  refused(socket: GatewaySocket): void {
    this.hasEntered(socket);
    const place = this.freeReservation(socket);
    if (place) this.disconnected(place.address);
  }

  disconnected(address: string): void {
    if (this.config.maxSocketsPerIp > 0) change(this.perAddress, addressGroup(address), -1);
  }

  private hasEntered(socket: GatewaySocket): void {
    const { client } = socket as unknown as Entrance;
    const entering = client[ENTERING];
    if (!entering) return;
    const isAlone = entering.length === 1 && entering[0] === socket;
    client[ENTERING] = isAlone ? NOBODY : entering.filter((other) => other !== socket);
  }

  private keepPlace(socket: AdmittedSocket, user: string, address: string): void {
    if (socket.conn.readyState !== 'open') return;
    socket[RESERVATION] = { user, address, free: undefined };
    this.places++;
    change(this.placesPerUser, user, 1);
    if (this.config.maxSocketsPerIp > 0) change(this.perAddress, addressGroup(address), 1);
    if (this.admitted.push(socket) === 1) setImmediate(() => this.watchAdmitted());
  }

  /** A connection that ends while an app's own checks go on frees its place at once. */
  private watchAdmitted(): void {
    const { admitted } = this;
    this.admitted = [];
    for (const socket of admitted) {
      const place = socket[RESERVATION];
      if (!place) continue;
      if (socket.conn.readyState !== 'open') {
        this.refused(socket);
        continue;
      }
      place.free = () => this.refused(socket);
      socket.conn.once('close', place.free);
    }
  }

  private freeReservation(socket: AdmittedSocket): Reservation | undefined {
    const place = socket[RESERVATION];
    if (!place) return undefined;
    socket[RESERVATION] = undefined;
    this.places--;
    change(this.placesPerUser, place.user, -1);
    if (place.free) socket.conn.off('close', place.free);
    return place;
  }
}

function change(counts: Map<string, number>, name: string, by: 1 | -1): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}

const tooMany = (message: string): SwitchboardError =>
  new SwitchboardError('limit.sockets', { message, retryAfterMs: RETRY_AFTER_MS });
