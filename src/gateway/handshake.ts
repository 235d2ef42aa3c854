import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { PacketType } from 'socket.io-parser';
import { Authenticator, isAbsent, type Authenticated, type Credentials } from '../access/authenticator.js';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { SessionBusy } from '../engine/sessions.js';
import { closeIfUnused, cutOffIfUnused } from '../sockets/end-socket.js';
import { clientAddress } from '../http/client-address.js';
import { Admission } from '../limits/admission.js';
import { Drain } from '../sockets/drain.js';
import { Metrics } from '../telemetry/metrics.js';
import { type ErrorObject, isErrorCode, registryCode, SwitchboardError } from '../protocol/errors.js';
import { setSocketState, type GatewaySocket, type RecoverableSession } from '../sockets/socket-state.js';
import { SessionClaims, whoIn } from '../rooms/recovery/session-claims.service.js';
import { Registration } from '../registry/registration.js';
import { toSwitchboardError } from './dispatch/failures.js';
import { interned } from './footprint/interned.js';
import { Lifecycle } from './lifecycle.js';
import { isPromiseLike } from '../protocol/promise-like.js';

/** As Socket.IO takes it: called without an error to let the socket in. */
type Next = (error?: Error & { data?: unknown }) => void;
export type Middleware = (socket: GatewaySocket, next: Next) => unknown;

/** Whether a connection may be made, and if not, why. */
export type Admitted = readonly [reason: string | null | undefined, allowed: boolean];

/** The option `allowRequest` of an app's gateway. */
type RequestCheck = (request: IncomingMessage, decide: (...admitted: Admitted) => void) => unknown;

/** A refusal in Socket.IO's terms: `data` is what the client gets. */
class Refusal extends Error {
  constructor(
    message: string,
    readonly data: unknown,
  ) {
    super(message);
  }
}

/** A check that has not decided by then has failed; clients give up not much later. */
const MAX_CHECK_TIMEOUT_MS = 10_000;

const ENGINE_PROTOCOL_OF_V2 = 3;

/**
 * Settles who a socket is before its client sees `connect`. [L2]
 *
 * It is the first middleware of every namespace, because Nest neither awaits `handleConnection` nor runs guards on
 * it, and because a middleware that throws or never calls back would leave the client half connected.
 */
@Injectable()
export class Handshake {
  /** A check that took too long may still let its socket in. */
  private readonly refused = new WeakSet<GatewaySocket>();

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly authenticator: Authenticator,
    private readonly admission: Admission,
    private readonly drain: Drain,
    private readonly lifecycle: Lifecycle,
    private readonly claims: SessionClaims,
    private readonly entrance: Registration,
    private readonly metrics: Metrics,
  ) {}

  /** False while the gateway starts and from the moment it drains. */
  get takesSockets(): boolean {
    return this.lifecycle.ready && !this.drain.active;
  }

  /** The first middleware of a namespace. */
  readonly identify: Middleware = this.guarded((socket) => {
    if (!this.takesSockets) throw new SwitchboardError('server.draining');
    this.admission.enter(socket);
    const who = this.authenticator.authenticate(credentialsOf(socket));
    if (who instanceof Promise) return who.then((known) => this.letIn(socket, known));
    return this.letIn(socket, who);
  });

  /** Whoever comes back is that socket again before it is counted and looked up. */
  private letIn(socket: GatewaySocket, who: Authenticated): void | Promise<void> {
    const session = this.claims.prepare(socket, who);
    if (session instanceof Promise) return session.then((known) => this.admit(socket, who, known));
    return this.admit(socket, who, session);
  }

  private admit(
    socket: GatewaySocket,
    who: Authenticated,
    session: RecoverableSession | undefined,
  ): void | Promise<void> {
    if (this.refused.has(socket)) {
      if (session) this.claims.release(socket, session);
      return;
    }
    if (session) this.claims.releaseUnlessConnected(socket, session);
    const { headers, address: remoteAddress } = socket.handshake;
    const address = clientAddress(remoteAddress, headers['x-forwarded-for'], this.config.trustedProxies);
    const known = session ? whoIn(session.sessionId, who) : who;
    this.admission.admit(socket, known.user, address);
    setSocketState(socket, known, interned(address), interned(headers['user-agent'] ?? '')).session = session;
    return this.entrance.enter(socket);
  }

  /** A middleware of the app, made safe: whatever goes wrong in it is a refusal with a code. */
  contain(middleware: Middleware): Middleware {
    return this.guarded(
      (socket) =>
        new Promise<void>((resolve, reject) => {
          const done: unknown = middleware(socket, (error) => (error ? reject(asRefusal(error)) : resolve()));
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
      const admitted = await withinTime(decision, this.checkTimeoutMs);
      if (!admitted[1]) this.metrics.refused('access.denied');
      return admitted;
    } catch (failure) {
      const { message, data } = this.refusalFor(failure);
      const code = registryCode(data as ErrorObject);
      this.metrics.refused(code);
      return [`${code}: ${message}`, false];
    }
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
      if (pending) void withinTime(pending, this.checkTimeoutMs).then(() => next(), refuse);
      else next();
    };
  }

  /** Ends the connection without a word: stock clients come back by themselves then, and not after a refusal. */
  private sendAway(socket: GatewaySocket, next: () => void): void {
    this.forget(socket);
    socket.conn.close(true);
    next();
  }

  private refuse(socket: GatewaySocket, failure: unknown): Refusal {
    const refusal = failure instanceof Refusal ? failure : this.refusalFor(failure);
    const { code, retryable } = refusal.data as Partial<ErrorObject>;
    this.metrics.refused(isErrorCode(code) ? code : 'access.denied');
    this.forget(socket);
    // After Socket.IO has sent the refusal, which it does in the next tick.
    setImmediate(() => dismiss(socket, retryable === true));
    return refusal;
  }

  private forget(socket: GatewaySocket): void {
    this.refused.add(socket);
    this.admission.refused(socket);
    this.entrance.refused(socket);
    this.claims.refused(socket);
  }

  private refusalFor(failure: unknown): Refusal {
    const error = toSwitchboardError(failure);
    if (error.code === 'internal') {
      this.lifecycle.failed('handshake', 'a check in the handshake failed', failure);
    }
    return new Refusal(error.message, error.toObject());
  }
}

/** An app that calls `next(error)` refuses on purpose: its text, and its `data` if it is an object, go to the client. */
function asRefusal(error: Error & { data?: unknown }): Refusal | SwitchboardError {
  if (error instanceof SwitchboardError) return error;
  const denied = new SwitchboardError('access.denied', { message: error.message }).toObject();
  const data = typeof error.data === 'object' && error.data !== null ? error.data : {};
  return new Refusal(error.message, { ...denied, ...data });
}

async function withinTime<Decision>(check: Promise<Decision>, timeoutMs: number): Promise<Decision> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no decision within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([check, timeout]);
  } finally {
    clearTimeout(timer);
  }
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
  const { client, nsp } = socket as unknown as {
    client: { _packet(packet: { type: PacketType; nsp: string }): void };
    nsp: { name: string };
  };
  client._packet({ type: PacketType.DISCONNECT, nsp: nsp.name });
  cutOffIfUnused(socket);
}

/** `auth`, or for 2.x clients, which have none, the query. [A1] */
function credentialsOf(socket: GatewaySocket): Credentials {
  const { auth, query, headers } = socket.handshake;
  const given: Record<string, unknown> =
    socket.conn.protocol === ENGINE_PROTOCOL_OF_V2 ? { ...query, ...auth } : (auth ?? {});
  return {
    token: isAbsent(given['token']) ? bearerOf(headers.authorization) : given['token'],
    user: given['user'],
    info: socket.conn.protocol === ENGINE_PROTOCOL_OF_V2 ? parseInfo(given['info']) : given['info'],
  };
}

const bearerOf = (header: string | undefined): string | undefined =>
  header === undefined ? undefined : /^Bearer +(\S+)$/i.exec(header)?.[1];

function parseInfo(info: unknown): unknown {
  if (typeof info !== 'string' || info === '') return undefined;
  try {
    return JSON.parse(info) as unknown;
  } catch {
    throw new SwitchboardError('payload.invalid', { errors: [{ path: 'info', message: 'expected JSON' }] });
  }
}
