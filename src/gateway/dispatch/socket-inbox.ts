import { isShutOut } from '../../sockets/disconnect-reasons.js';
import { endSocket } from '../../sockets/end-socket.js';
import type { RemoteEvents } from '../../backend/remote-events.js';
import { noteEvent } from '../../delivery/vitals.js';
import { SwitchboardError } from '../../protocol/errors.js';
import { isReservedEvent } from '../../protocol/names.js';
import { socketState, type GatewaySocket, type Inbox } from '../../sockets/socket-state.js';
import type { Answers } from './answers.js';
import type { NamespaceTable } from './gateway-table.js';
import type { HandlerRunner } from './handler-runner.js';
import { anyListenersOf, middlewaresOf } from '../../platform/listeners-of-io.js';
import { askRemote } from './ask-remote.js';
import { callAnyListeners, callListeners, runMiddlewares } from './app-listeners.js';
import { InboundRate, type RateContext, type TakesLate } from './inbound-rate.js';
import { Reply, type Acknowledgement } from './reply.js';
import type { PutOff, TurnBudget } from './turn-budget.js';

/** One event as it came in: `[name, ...arguments]`, and the number to acknowledge with. */
interface Inbound {
  readonly event: readonly unknown[];
  readonly reply: Reply;
  /** The app's own middlewares have let it pass. */
  readonly passed?: boolean;
}

/** What every inbox of a namespace shares. */
export interface InboxContext extends RateContext {
  readonly table: NamespaceTable;
  readonly handlers: HandlerRunner;
  readonly answers: Answers;
  /** Of all sockets of the node. */
  readonly turns: TurnBudget;
  /** Backends that take what nothing in this process takes. */
  readonly remote: RemoteEvents | undefined;
}

/**
 * Events that may wait while one is being handled; a client that sends more is told to slow down. It is as many as may come
 * at once where that is more.
 */
const MIN_WAITING = 256;

/** What becomes of the next event. */
type InboxState =
  /** The event is handled at once. */
  | { readonly is: 'idle' }
  /** The event waits: connection hooks have not ended. [L5] */
  | { readonly is: 'held' }
  /** The event waits: one is being handled. */
  | { readonly is: 'busy' }
  /** The event waits for a later turn of the event loop, as those before it do: too many came in this one. */
  | { readonly is: 'put off' }
  /** The event waits for a backend, which handles the one before it. */
  | { readonly is: 'asking'; readonly answered: Promise<void> }
  /** The event is refused: the node ends, and what a backend handled was the last. */
  | { readonly is: 'finishing' };

const IDLE: InboxState = { is: 'idle' };
const HELD: InboxState = { is: 'held' };
const BUSY: InboxState = { is: 'busy' };
const PUT_OFF: InboxState = { is: 'put off' };
const FINISHING: InboxState = { is: 'finishing' };

/**
 * The events of one socket: handled one after another, each answered exactly once. [M1]
 *
 * Nothing is handled before {@link open}, which the connection hook's end calls. [L5]
 */
export class SocketInbox implements Inbox, TakesLate<Inbound>, PutOff {
  /** When the connection hooks have ended, well or badly; `undefined` when they ended at once. */
  opened: Promise<void> | undefined = undefined;
  /** Made with the first event: most sockets of most gateways only listen. */
  private rate: InboundRate<Inbound> | undefined = undefined;
  private waiting: Inbound[] | undefined = undefined;
  private state: InboxState = HELD;

  constructor(
    private readonly socket: GatewaySocket,
    private readonly context: InboxContext,
  ) {}

  open(): void {
    this.state = IDLE;
    this.takeNext();
  }

  /** The turn of what was put off has come. */
  goOn(): void {
    if (this.state.is !== 'put off') return;
    this.state = IDLE;
    const next = this.waiting?.shift();
    if (next) this.handle(next);
  }

  /**
   * The socket ends, and is in its rooms still: what its client sent before it left is handled as if none had waited.
   *
   * The gateway's own requests need those rooms, so they do not wait for what is being handled either. What an app handles
   * goes on in its order when the socket has gone.
   */
  hurry(): void {
    if (this.state.is === 'held' || isShutOut(socketState(this.socket))) return;
    while (this.state.is === 'put off') this.goOn();
    if (!this.waiting || middlewaresOf(this.socket).length > 0) return;
    const { handlers, table } = this.context;
    const waiting = this.waiting;
    this.waiting = [];
    for (const inbound of waiting) {
      const handler = table.handlers.get(nameOf(inbound.event));
      if (handler?.isOwn) {
        this.tellAnyListeners(inbound);
        void handlers.run(handler, this.socket, inbound.event, inbound.reply);
      } else {
        this.waiting.push(inbound);
      }
    }
  }

  /** The socket has gone: nobody reads what its streams would give. */
  close(): void {
    this.context.handlers.closeStreams(this.socket);
    // A client that leaves by itself has what it sent before handled, as by stock Socket.IO.
    if (isShutOut(socketState(this.socket))) this.waiting = undefined;
    this.rate?.stop();
  }

  finish(): Promise<void> | undefined {
    if (this.state.is !== 'asking') return undefined;
    const { answered } = this.state;
    this.state = FINISHING;
    for (const { reply } of this.waiting?.splice(0) ?? []) this.refuseAtEnd(reply);
    return answered;
  }

  private refuseAtEnd(reply: Reply): void {
    this.context.answers.refuse(reply, new SwitchboardError('server.draining'));
  }

  receive(event: readonly unknown[], acknowledgement: Acknowledgement): void {
    noteEvent(this.socket.conn);
    this.context.answers.received();
    const inbound: Inbound = { event, reply: new Reply(this.socket, acknowledgement, event) };
    if (!this.withinRate(inbound)) return;
    this.enqueue(inbound);
  }

  /** Answers an event that cannot be taken as it was sent; it counts as any other. */
  refuse(event: readonly unknown[], acknowledgement: Acknowledgement, error: SwitchboardError): void {
    noteEvent(this.socket.conn);
    const inbound: Inbound = { event, reply: new Reply(this.socket, acknowledgement) };
    if (this.withinRate(inbound)) this.context.answers.refuse(inbound.reply, error);
  }

  charge(answer: unknown): void {
    this.rate?.charge(answer);
  }

  /** An acknowledgement that nobody waits for: one that comes late, or one of those that a client makes up. [Q8] */
  receiveStrayAcknowledgement(): void {
    if (this.ownRate.takeStray()) this.endFlooding('acknowledgements that nobody waits for');
  }

  private get ownRate(): InboundRate<Inbound> {
    return (this.rate ??= new InboundRate(this.socket, this.context, this));
  }

  get isFull(): boolean {
    return (this.waiting?.length ?? 0) >= this.maxWaiting;
  }

  private get maxWaiting(): number {
    return Math.max(MIN_WAITING, this.context.eventsBurst);
  }

  enqueue(inbound: Inbound): void {
    const { maxWaiting } = this;
    if (this.state.is === 'finishing') {
      this.refuseAtEnd(inbound.reply);
    } else if (this.state.is === 'idle' && this.context.turns.take(this)) {
      this.handle(inbound);
    } else if ((this.waiting ??= []).length < maxWaiting) {
      if (this.state.is === 'idle') this.state = PUT_OFF;
      this.waiting.push(inbound);
    } else {
      const message = `more than ${maxWaiting} events are waiting to be handled`;
      this.context.answers.refuse(
        inbound.reply,
        new SwitchboardError('limit.rate', { message, retryAfterMs: 1000 }),
      );
    }
  }

  /** Answers an event that comes too fast, and ends a sender that keeps on. [Q1] [Q4] */
  private withinRate(inbound: Inbound): boolean {
    const verdict = this.ownRate.take(inbound);
    if (verdict === 'now') return true;
    if (verdict === 'later') return false;
    const { retryAfterMs, isFlooding } = verdict;
    const message = `more than ${this.context.eventsPerSecond} events per second`;
    this.context.answers.refuse(inbound.reply, new SwitchboardError('limit.rate', { message, retryAfterMs }));
    if (isFlooding) this.endFlooding(message);
    return false;
  }

  /** Not retryable: a stock client that is let back in at once goes on as before. */
  private endFlooding(message: string): void {
    void endSocket(this.socket, new SwitchboardError('limit.rate', { message, retryable: false }));
  }

  private takeNext(): void {
    if (!this.waiting?.length) return;
    if (this.context.turns.take(this)) this.handle(this.waiting.shift()!);
    else this.state = PUT_OFF;
  }

  private handle(inbound: Inbound): void {
    const { event, reply, passed } = inbound;
    if (!passed) {
      this.tellAnyListeners(inbound);
      if (middlewaresOf(this.socket).length > 0) {
        this.handleNextAfter(this.passMiddlewares(inbound));
        return;
      }
    }
    const handler = this.context.table.handlers.get(nameOf(event));
    // The gateway's own requests are its alone; every other name is the app's.
    const heard = handler?.isOwn !== true && this.callAppListeners(inbound);
    if (handler) {
      this.handleNextAfter(this.context.handlers.run(handler, this.socket, event, reply));
      return;
    }
    if (heard) {
      this.context.answers.expect(reply);
    } else {
      const remote = askRemote(this.context, this.socket, inbound);
      if (remote) {
        this.handleNextAfter(remote, { is: 'asking', answered: remote });
        return;
      }
      this.refuseUnknown(inbound);
    }
    this.takeNext();
  }

  private tellAnyListeners({ event, reply }: Inbound): void {
    if (anyListenersOf(this.socket).length === 0) return;
    callAnyListeners(this.socket, this.withAcknowledge(event, reply), (failure) =>
      this.context.answers.note(failure),
    );
  }

  /** `undefined` is done already. */
  private handleNextAfter(done: Promise<void> | undefined, state: InboxState = BUSY): void {
    if (!done) {
      this.takeNext();
      return;
    }
    this.state = state;
    void done.then(() => {
      if (this.state.is === 'finishing') return;
      this.state = IDLE;
      this.takeNext();
    });
  }

  /** Never rejects; resolves when the next event may be handled. */
  private async passMiddlewares({ event, reply }: Inbound): Promise<void> {
    // They may answer, and may change the event in place.
    const args = this.withAcknowledge(event, reply);
    const { passed, returned } = runMiddlewares(this.socket, args);
    let decided = false;
    let isLate = false;
    const done = passed.then(
      () => {
        decided = true;
        const inbound = { event: reply.expected ? args.slice(0, -1) : args, reply, passed: true };
        if (!this.socket.connected) return;
        // First in line, unless the decision came so late that others have gone ahead.
        if (isLate) this.enqueue(inbound);
        else (this.waiting ??= []).unshift(inbound);
      },
      (failure: unknown) => {
        decided = true;
        this.refusedByMiddleware(reply, failure);
      },
    );
    await Promise.race([done, returned]);
    if (decided) return;
    isLate = true;
    this.context.answers.expect(reply);
  }

  private refusedByMiddleware(reply: Reply, failure: unknown): void {
    // Apps decide there, as Socket.IO documents it, whether to disconnect.
    const told = failure instanceof SwitchboardError ? (failure.cause ?? failure) : failure;
    callListeners(this.socket, 'error', [told], (problem) => this.context.answers.note(problem));
    this.context.answers.fail(reply, failure);
  }

  /** Listeners that an app has put on the socket itself, whatever it calls its events. */
  private callAppListeners({ event, reply }: Inbound): boolean {
    const name = nameOf(event);
    // Socket.IO puts one of its own on every socket, which hears nothing.
    if (this.socket.listenerCount(name) <= (name === 'error' ? 1 : 0)) return false;
    return callListeners(this.socket, name, this.withAcknowledge(event.slice(1), reply), (failure) =>
      this.context.answers.fail(reply, failure),
    );
  }

  private refuseUnknown({ event, reply }: Inbound): void {
    const isReserved = isReservedEvent(nameOf(event));
    this.context.answers.refuse(reply, new SwitchboardError(isReserved ? 'event.reserved' : 'event.unknown'));
  }

  /** Arguments as Socket.IO passes them: the acknowledgement comes last. */
  private withAcknowledge(args: readonly unknown[], reply: Reply): unknown[] {
    return reply.expected
      ? [...args, (...answer: unknown[]) => this.context.answers.send(reply, answer)]
      : [...args];
  }
}

/** Text, or a number, which Socket.IO takes for the same as its text. */
const nameOf = ([name]: readonly unknown[]): string => (typeof name === 'string' ? name : String(name));
