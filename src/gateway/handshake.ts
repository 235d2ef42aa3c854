import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { PacketType } from 'socket.io-parser';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { SessionBusy } from '../engine/sessions.js';
import { budgetOf } from '../limits/connection-budget.js';
import { sendDisconnect } from '../platform/socket-of-io.js';
import { closeIfUnused, cutOffIfUnused, cutOffLater } from '../sockets/end-socket.js';
import { clientAddress } from '../http/client-address.js';
import { withinTime } from '../timers/within-time.js';
import { Drain } from '../sockets/drain.js';
import { isBinary, isEncodable } from '../protocol/json.js';
import { type ErrorObject, isErrorCode, registryCode, SwitchboardError } from '../protocol/errors.js';
import { Participants } from '../sockets/participants.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { Arrivals, arrivalOf } from './arrival.js';
import { toSwitchboardError } from './dispatch/failures.js';
import { Lifecycle } from './lifecycle.js';
import {
  refusalOfConnection,
  refusalOfRequest,
  refusalOfSocket,
  whyOf,
  type RefusalReason,
} from './refusals.js';
import { refusalOfProtocol, turnedAwayOf, type ConnectionError } from './turned-away.js';
import { isPromiseLike } from '../protocol/promise-like.js';

/** As Socket.IO takes it: called without an error to let the socket in. */
type Next = (error?: Error & { data?: unknown }) => void;
type Connection = GatewaySocket['conn'];
export type Middleware = (socket: GatewaySocket, next: Next) => unknown;

/** Whether a connection may be made, and if not, why. */
export type Admitted = readonly [reason: string | null | undefined, allowed: boolean];

/** The option `allowRequest` of an app's gateway. */
type RequestCheck = (request: IncomingMessage, decide: (...admitted: Admitted) => void) => unknown;

/** A refusal in Socket.IO's terms: `data` is what the client gets. */
class RefusedByMiddleware extends Error {
  constructor(
    message: string,
    readonly data: unknown,
  ) {
    super(message);
  }
}

/** A check that has not decided by then has failed: a little later the connection is closed for having no socket. */
const MAX_CHECK_TIMEOUT_MS = 9_000;

/**
 * Settles who a socket is before its client sees `connect`. [L2]
 *
 * It is the first middleware of every namespace, because Nest neither awaits `handleConnection` nor runs guards on
 * it, and because a middleware that throws or never calls back would leave the client half connected.
 */
@Injectable()
export class Handshake {
  private readonly arrivals = new Arrivals();

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly participants: Participants,
    private readonly drain: Drain,
    private readonly lifecycle: Lifecycle,
  ) {}

  /** False while the gateway starts and from the moment it drains. */
  get takesSockets(): boolean {
    return this.lifecycle.ready && !this.drain.active;
  }

  /** The first middleware of a namespace. */
  readonly identify: Middleware = this.guarded((socket) => {
    const { address, headers } = socket.handshake;
    const from = clientAddress(address, headers['x-forwarded-for'], this.config.trustedProxies);
    const arrival = this.arrivals.begin(socket, from);
    if (!this.takesSockets) throw new SwitchboardError('server.draining');
    return this.participants.arriving(arrival);
  });

  /** A middleware of the app, made safe: whatever goes wrong in it is a refusal with a code. */
  contain(middleware: Middleware): Middleware {
    return this.guarded(
      (socket) =>
        new Promise<void>((resolve, reject) => {
          const done: unknown = middleware(socket, (error) =>
            error ? reject(refusalOfMiddleware(error)) : resolve(),
          );
          if (isPromiseLike(done)) done.then(undefined, reject);
        }),
    );
  }

  /** An app's own `allowRequest`, made safe as its middlewares are. Never rejects. */
  async ask(check: RequestCheck, request: IncomingMessage): Promise<Admitted> {
    const decision = new Promise<Admitted>((resolve, reject) => {
      const done = check(request, (...admitted) => resolve(admitted));
      if (isPromiseLike(done)) done.then(undefined, reject);
    });
    try {
      const admitted = await withinTime(decision, this.checkTimeoutMs, noDecision(this.checkTimeoutMs));
      if (!admitted[1]) {
        const why = admitted[0] ?? 'the app refused the request';
        this.refuseRequest(request, { code: 'access.denied', retryable: false, why });
      }
      return admitted;
    } catch (failure) {
      const { message, data } = this.refusalFor(failure);
      const refused = data as ErrorObject;
      const code = registryCode(refused);
      this.refuseRequest(request, { code, retryable: refused.retryable, why: whyOf(failure) });
      return [`${code}: ${message}`, false];
    }
  }

  /** The address that a request for a connection comes from; behind trusted proxies the one they name. */
  addressOf({ socket, headers }: IncomingMessage): string {
    return clientAddress(socket.remoteAddress, headers['x-forwarded-for'], this.config.trustedProxies);
  }

  /** Socket.IO refuses a namespace that nobody serves: one refusal ends a connection's attempts. [L11] */
  readonly refuseNamespace = (connection: Connection, namespace: string, packet: unknown): void => {
    const { code, retryable, message } = new SwitchboardError('namespace.unknown');
    budgetOf(connection).refuse();
    const reason = { code, retryable, why: message };
    this.participants.refused(
      refusalOfConnection(connection, { namespace, packet }, this.config.trustedProxies, reason),
    );
    // After Socket.IO has sent the refusal, which it does in this turn.
    setImmediate(() => {
      if (!budgetOf(connection).isOver) return;
      // Otherwise 2.x and 3.x clients come back for the same again when they are cut off.
      connection.write(`${PacketType.DISCONNECT}${namespace},`);
      cutOffLater(connection, () => budgetOf(connection).isOver);
    });
  };

  /** Tells of a request for a connection that is refused. */
  refuseRequest(request: IncomingMessage, reason: RefusalReason): void {
    this.participants.refused(refusalOfRequest(request, this.config.trustedProxies, reason));
  }

  /** Engine.IO itself has turned a request away. */
  turnedAway(engine: unknown, failure: ConnectionError): void {
    const turnedAway = turnedAwayOf(engine, failure, this.addressOf(failure.req));
    if (turnedAway) this.participants.turnedAway(turnedAway);
    const refusal = refusalOfProtocol(failure, this.config);
    if (refusal) this.refuseRequest(failure.req, refusal);
  }

  private get checkTimeoutMs(): number {
    return Math.min(this.config.handlerTimeoutMs, MAX_CHECK_TIMEOUT_MS);
  }

  private guarded(check: (socket: GatewaySocket) => void | Promise<void>): Middleware {
    return (socket, next) => {
      const refuse = (failure: unknown): void =>
        failure instanceof SessionBusy ? this.sendAway(socket, next) : next(this.refuse(socket, failure));
      let pending: void | Promise<void>;
      try {
        pending = check(socket);
      } catch (failure) {
        refuse(failure);
        return;
      }
      const limitMs = this.checkTimeoutMs + (arrivalOf(socket)?.moreMs ?? 0);
      if (pending) void withinTime(pending, limitMs, noDecision(limitMs)).then(() => next(), refuse);
      else next();
    };
  }

  /** Ends the connection without a word: stock clients come back by themselves then, and not after a refusal. */
  private sendAway(socket: GatewaySocket, next: () => void): void {
    arrivalOf(socket)?.abandon();
    socket.conn.close(true);
    next();
  }

  private refuse(socket: GatewaySocket, failure: unknown): RefusedByMiddleware {
    const refusal = failure instanceof RefusedByMiddleware ? failure : this.refusalFor(failure);
    arrivalOf(socket)?.abandon();
    budgetOf(socket.conn).refuse();
    const { code, retryable } = refusal.data as Partial<ErrorObject>;
    this.participants.refused(
      refusalOfSocket(socket, this.config.trustedProxies, {
        code: isErrorCode(code) ? code : 'access.denied',
        retryable: retryable === true,
        why: whyOf(failure),
      }),
    );
    // After Socket.IO has sent the refusal, which it does in the next tick.
    setImmediate(() => dismiss(socket, retryable === true));
    return refusal;
  }

  private refusalFor(failure: unknown): RefusedByMiddleware {
    const error = toSwitchboardError(failure);
    if (error.code === 'internal') {
      this.lifecycle.failed('handshake', 'a check in the handshake failed', failure);
    }
    return new RefusedByMiddleware(error.message, error.toObject());
  }
}

/**
 * An app that calls `next(error)` refuses on purpose: its text and its `data` go to the client. An object gets beside
 * what it says what every refusal says; text, numbers and lists go as they are.
 */
function refusalOfMiddleware(error: Error & { data?: unknown }): RefusedByMiddleware | SwitchboardError {
  if (error instanceof SwitchboardError) return error;
  const denied = new SwitchboardError('access.denied', { message: error.message }).toObject();
  const { data } = error;
  if (data === undefined || data === null || !isEncodable(data))
    return new RefusedByMiddleware(error.message, denied);
  const isObject = typeof data === 'object' && !Array.isArray(data) && !isBinary(data);
  return new RefusedByMiddleware(error.message, isObject ? { ...denied, ...data } : data);
}

/**
 * Leaves nobody half connected.
 *
 * 2.x and 3.x clients stay on the connection after a refusal. Where coming back cannot help they are disconnected,
 * which stops them from reconnecting; where it can, the connection is closed, which makes them.
 */
function dismiss(socket: GatewaySocket, retryable: boolean): void {
  if (retryable) {
    closeIfUnused(socket);
    return;
  }
  sendDisconnect(socket);
  cutOffIfUnused(socket);
}

const noDecision = (timeoutMs: number): string => `no decision within ${timeoutMs} ms`;
