import { Inject, Injectable } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { addressGroup, clientAddress } from '../http/client-address.js';
import { boundPayloads, boundPollAnswers } from '../platform/payload-bounds.js';
import { SwitchboardError } from '../protocol/errors.js';
import { endSocket } from '../sockets/end-socket.js';
import { Namespaces } from '../sockets/namespaces.js';
import type { Arriving, Participant } from '../sockets/participants.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { budgetOf, type ConnectionBudget } from './connection-budget.js';
import { changeCount } from './counts.js';

type Connection = GatewaySocket['conn'];

/** Packets of one polling payload: before the first socket is in, a stock client has one for each namespace to send. */
const MAX_PACKETS_BEFORE_ENTRY = 64;
/** And afterwards: as many of the shortest events as the default payload holds, which a client may have saved up. */
const MAX_PACKETS = 12_500;

/** As many may wait in any case: they are told by a coded refusal, once they ask to enter, that they are too many. */
const MAY_WAIT = 32;

/** Retrying sooner than this after "too many" is pointless. */
const RETRY_AFTER_MS = 5_000;

/**
 * What a connection may do and cost before its first socket is in, and beside the events of its sockets after that.
 * [L11] [Q8]
 */
@Injectable()
export class Connections implements Participant {
  /** Connections without a socket: in all, and by address group. */
  private waiting = 0;
  private readonly waitingPerAddress = new Map<string, number>();
  private readonly countsWaiting: boolean;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly namespaces: Namespaces,
  ) {
    this.countsWaiting = config.maxConnections > 0 || config.maxSocketsPerIp > 0;
  }

  /**
   * Why no more connections may be opened from an address now: as many wait for their first socket as there may be
   * sockets. The sockets themselves are counted by `Admission`.
   */
  refusalOf(address: string): SwitchboardError | undefined {
    const { maxConnections, maxSocketsPerIp } = this.config;
    if (maxConnections > 0 && this.waiting >= Math.max(maxConnections, MAY_WAIT)) return tooMany('this node');
    if (maxSocketsPerIp === 0) return undefined;
    const waiting = this.waitingPerAddress.get(addressGroup(address)) ?? 0;
    return waiting >= Math.max(maxSocketsPerIp, MAY_WAIT) ? tooMany('this address') : undefined;
  }

  /** A new Engine.IO connection. */
  readonly opened = (connection: Connection): void => {
    const { transport } = connection;
    boundPayloads(transport, MAX_PACKETS_BEFORE_ENTRY);
    boundPollAnswers(connection);
    connection.on('packet', this.countHeartbeat);
    if (this.countsWaiting) this.wait(connection);
  };

  /** @throws SwitchboardError `payload.invalid`, and closes the connection as Socket.IO does for a connected socket */
  arriving(arriving: Arriving): void {
    const { socket } = arriving;
    const budget = budgetOf(socket.conn);
    if (!budget.begin(socket)) {
      // One message full of requests to enter would make as many sockets.
      socket.conn.close();
      throw new SwitchboardError('payload.invalid', { message: 'this connection is connecting already' });
    }
    arriving.defer(() => budget.leave(socket));
  }

  connected(socket: GatewaySocket): void {
    const budget = budgetOf(socket.conn);
    if (!budget.hasSocket) {
      boundPayloads(socket.conn.transport, MAX_PACKETS);
      this.stopWaiting(budget);
    }
    budget.entered(socket);
  }

  private wait(connection: Connection): void {
    const { remoteAddress, request } = connection;
    const forwarded = request.headers['x-forwarded-for'];
    const budget = budgetOf(connection);
    budget.waitsAt = addressGroup(clientAddress(remoteAddress, forwarded, this.config.trustedProxies));
    this.waiting++;
    changeCount(this.waitingPerAddress, budget.waitsAt, 1);
    connection.once('close', () => this.stopWaiting(budget));
  }

  private stopWaiting(budget: ConnectionBudget): void {
    if (budget.waitsAt === undefined) return;
    this.waiting--;
    changeCount(this.waitingPerAddress, budget.waitsAt, -1);
    budget.waitsAt = undefined;
  }

  /** One function for all connections, called on each of them. */
  private readonly countHeartbeat = ((connections: Connections) =>
    function (this: Connection, { type }: { readonly type: string }): void {
      if (type !== 'message' && !budgetOf(this).takeHeartbeat()) connections.endFlooding(this);
    })(this);

  private endFlooding(connection: Connection): void {
    if (budgetOf(connection).hasSocket) {
      const message = 'more heartbeats than any client needs';
      const flooding = new SwitchboardError('limit.rate', { message, retryable: false });
      for (const socket of this.namespaces.allSockets()) {
        if (socket.conn === connection) void endSocket(socket, flooding, { discardUnsent: true });
      }
    }
    connection.close(true);
  }
}

const tooMany = (which: string): SwitchboardError =>
  new SwitchboardError('limit.sockets', {
    message: `${which} has as many connections without a socket as it may have`,
    retryAfterMs: RETRY_AFTER_MS,
  });
