import type { GatewaySocket } from '../sockets/socket-state.js';
import { createBucket, take, type TokenBucket } from './token-bucket.js';

/** Requests to enter a namespace that a connection may make before the first one has been let in. */
const MAX_REQUESTS_BEFORE_ENTRY = 16;
/** And afterwards: a client leaves namespaces and enters others in the same connection. */
const REQUESTS_PER_SECOND = 10;
const REQUESTS_BURST = 50;

/** Packets that carry nothing; a stock client sends one every few seconds. */
const HEARTBEATS_PER_SECOND = 5;
const HEARTBEATS_BURST = 50;

const NOBODY: readonly GatewaySocket[] = [];

/** What to do with a request to enter a namespace. */
export type Verdict = 'take' | 'ignore' | 'end';

/**
 * What one connection may ask for, beside the events of its sockets. [L11] [Q8]
 *
 * Before a socket of it has been let in, one refusal ends its attempts: those that are under way are answered, and
 * what comes after that is not even parsed.
 */
export class ConnectionBudget {
  /** The address group it is counted under for as long as it waits for its first socket. */
  waitsAt: string | undefined = undefined;
  private hasEntered = false;
  private wasRefused = false;
  private requests = 0;
  private entering = NOBODY;
  private requestBucket: TokenBucket | undefined = undefined;
  private heartbeatBucket: TokenBucket | undefined = undefined;

  /** Whether the connection was refused and carries nothing that could still be let in. */
  get isOver(): boolean {
    return this.wasRefused && !this.hasEntered && this.entering.length === 0;
  }

  get hasSocket(): boolean {
    return this.hasEntered;
  }

  takeRequest(): Verdict {
    if (!this.hasEntered) {
      if (this.wasRefused) return 'ignore';
      return ++this.requests > MAX_REQUESTS_BEFORE_ENTRY ? 'end' : 'take';
    }
    this.requestBucket ??= createBucket();
    const waitMs = take(this.requestBucket, performance.now(), REQUESTS_PER_SECOND, REQUESTS_BURST);
    return waitMs === 0 ? 'take' : 'end';
  }

  /** Whether one more packet that carries nothing is within bounds. */
  takeHeartbeat(): boolean {
    this.heartbeatBucket ??= createBucket();
    return take(this.heartbeatBucket, performance.now(), HEARTBEATS_PER_SECOND, HEARTBEATS_BURST) === 0;
  }

  /** A socket is on its way in; false when the connection has one on its way to that namespace already. */
  begin(socket: GatewaySocket): boolean {
    if (this.entering.some(({ nsp }) => nsp === socket.nsp)) return false;
    this.entering = this.entering === NOBODY ? [socket] : [...this.entering, socket];
    return true;
  }

  entered(socket: GatewaySocket): void {
    this.hasEntered = true;
    this.leave(socket);
  }

  /** A socket does not get in. */
  leave(socket: GatewaySocket): void {
    const isAlone = this.entering.length === 1 && this.entering[0] === socket;
    this.entering = isAlone ? NOBODY : this.entering.filter((other) => other !== socket);
  }

  refuse(): void {
    this.wasRefused = true;
  }
}

const BUDGET = Symbol('switchboard.budget');

/** The budget of an Engine.IO connection. */
export function budgetOf(connection: object): ConnectionBudget {
  return ((connection as { [BUDGET]?: ConnectionBudget })[BUDGET] ??= new ConnectionBudget());
}
