import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import type { Namespace } from 'socket.io';
import { RemoteEvents } from '../backend/remote-events.js';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { tcpSocketOf } from '../platform/engine-connection.js';
import { forgetResponse } from '../platform/footprint/first-request.js';
import { tellOutgoingBy, tellReservedBy, type EmitReserved } from '../platform/listeners-of-io.js';
import { endSocket } from '../sockets/end-socket.js';
import { Drain } from '../sockets/drain.js';
import { logFailure } from '../telemetry/log.js';
import { Metrics, type FailurePlace } from '../telemetry/metrics.js';
import { SwitchboardError } from '../protocol/errors.js';
import { gatewaySlots, socketState, type GatewaySocket } from '../sockets/socket-state.js';
import { ReturningUsers } from '../limits/returning-users.js';
import { Participants } from '../sockets/participants.js';
import { arrivalOf } from './arrival.js';
import { Answers } from './dispatch/answers.js';
import { toSwitchboardError } from './dispatch/failures.js';
import { GatewayTable, type NamespaceTable } from './dispatch/gateway-table.js';
import { HandlerRunner } from './dispatch/handler-runner.js';
import { takeEvents } from './dispatch/inbound-events.js';
import { containedEmit, containedNotify } from './dispatch/app-listeners.js';
import { isPromiseLike } from '../protocol/promise-like.js';
import { Settling } from './settling.js';
import { Reply } from './dispatch/reply.js';
import { SocketInbox, type InboxContext } from './dispatch/socket-inbox.js';
import { TurnBudget } from './dispatch/turn-budget.js';
import { withinTime } from '../timers/within-time.js';

/** Settles as soon as the hooks that run now have returned. */
const HOOKS_RUNNING = Promise.resolve();

interface NamespaceRuntime {
  readonly inboxes: InboxContext;
  readonly onDisconnect: (this: GatewaySocket, reason: string, description?: unknown) => void;
  /** Runs a handler that an app has for the event; `undefined` where it has none. */
  readonly onDisconnecting:
    ((this: GatewaySocket, reason: string, description?: unknown) => void) | undefined;
}

/**
 * A socket's way from `connect` to `disconnect`: hooks in order, failures contained, events held back meanwhile.
 *
 * The connection hooks of all gateways on the namespace run first; only when all of them have finished is the first
 * event of the client handled. [L5] The disconnect hooks run once, and only after the connection hooks have ended,
 * so that what these set up can be torn down. A hook that throws, rejects or never ends costs that socket its
 * connection and nothing else. [L4]
 */
@Injectable()
export class Lifecycle {
  private readonly logger = new Logger('Gateway');
  private readonly runtimes = new WeakMap<Namespace, NamespaceRuntime>();
  private readonly turns = new TurnBudget((failure) => this.failed('handler', 'an event failed', failure));
  private readonly emitReserved = hurriedEmit(
    containedEmit((event, failure) => {
      const place = event === 'error' ? 'handler' : 'disconnect_hook';
      this.failed(place, `a listener of "${event}" failed`, failure);
    }),
  );
  private readonly notifyOutgoing = containedNotify((failure) =>
    this.failed('handler', 'a listener of onAnyOutgoing() failed', failure),
  );
  private table: GatewayTable | undefined;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly participants: Participants,
    private readonly returning: ReturningUsers,
    private readonly metrics: Metrics,
    private readonly settling: Settling,
    private readonly drain: Drain,
    @Optional() private readonly remote?: RemoteEvents,
  ) {}

  /** Called once, when all gateways are known. */
  useTable(table: GatewayTable): void {
    this.table = table;
  }

  get ready(): boolean {
    return this.table !== undefined;
  }

  /** For a namespace: a listener of `connection` that an app has put on it is taken for a connection hook. [L4] */
  readonly emitConnection = containedEmit((event, failure, [socket]) => {
    const error = this.hookFailed('connection_hook', `a listener of "${event}"`, failure);
    void endSocket(socket as GatewaySocket, error);
  });

  /** For the adapter of a namespace, whose listeners would fail whoever joins or leaves. */
  readonly emitRooms = containedEmit((event, failure) =>
    this.failed('handler', `a listener of "${event}" failed`, failure),
  );

  /** Socket.IO's `connect` event: the client has just been told, in this same turn. */
  readonly connected = (socket: GatewaySocket): void => {
    const { inboxes, onDisconnect, onDisconnecting } = this.runtimeOf(socket.nsp);
    const inbox = new SocketInbox(socket, inboxes);
    const state = socketState(socket);
    gatewaySlots(state).inbox = inbox;
    takeEvents(socket, inboxes.table.handlers.keys());
    tellReservedBy(socket, this.emitReserved);
    tellOutgoingBy(socket, this.notifyOutgoing);
    socket.on('disconnect', onDisconnect);
    if (onDisconnecting) socket.on('disconnecting', onDisconnecting);
    arrivalOf(socket)?.commit();
    this.participants.connected(socket);
    if (cameBack(socket)) this.metrics.cameBack(socket.recovered ? 'recovered' : 'new_session');
    // A hook may end the socket while it runs; its disconnect hooks wait for it all the same.
    inbox.opened = HOOKS_RUNNING;
    inbox.opened = this.runConnectionHooks(socket, inboxes.table, inbox);
    this.settling.expect();
  };

  /** What the sockets of a namespace share, so that none of them pays for it. */
  private runtimeOf(namespace: Namespace): NamespaceRuntime {
    let runtime = this.runtimes.get(namespace);
    if (!runtime) {
      runtime = this.createRuntime(this.table!.of(namespace));
      this.runtimes.set(namespace, runtime);
    }
    return runtime;
  }

  private createRuntime(table: NamespaceTable): NamespaceRuntime {
    const { config, drain, participants } = this;
    const answers = new Answers(this.metrics, this.logger, config.handlerTimeoutMs, participants);
    const runDisconnectHooks = (socket: GatewaySocket, reason: string, description: unknown): unknown =>
      this.runHooks(socket, table.disconnectHooks, 'disconnect_hook', reason, description);
    const handlers = new HandlerRunner(answers);
    const disconnecting = table.handlers.get('disconnecting');
    return {
      inboxes: {
        table,
        eventsPerSecond: config.eventsPerSecond,
        eventsBurst: config.eventsBurst,
        handlers,
        answers,
        turns: this.turns,
        remote: this.remote,
        returning: this.returning,
      },
      // Socket.IO tells of it while the socket is still in its rooms; no client can send it.
      onDisconnecting:
        disconnecting &&
        function (this: GatewaySocket, reason, description) {
          const event = ['disconnecting', reason, description];
          void handlers.run(disconnecting, this, event, new Reply(this, undefined, event));
        },
      onDisconnect(this: GatewaySocket, reason, description) {
        const state = socketState(this);
        participants.ended(state, reason, description);
        const tcpSocket = tcpSocketOf(this.conn);
        if (tcpSocket) forgetResponse(tcpSocket);
        const inbox = state.inbox as SocketInbox;
        inbox.close();
        const run = (): unknown => runDisconnectHooks(this, reason, description);
        const done = inbox.opened ? inbox.opened.then(run) : run();
        if (done instanceof Promise) drain.waitFor(done);
      },
    };
  }

  /** A failure of an app's own hook or check: logged once, counted. */
  failed(place: FailurePlace, message: string, failure: unknown): void {
    this.metrics.failed(place);
    logFailure(this.logger, message, failure);
  }

  /** Never rejects; `undefined` when everything is done already. */
  private runConnectionHooks(
    socket: GatewaySocket,
    table: NamespaceTable,
    inbox: SocketInbox,
  ): Promise<void> | undefined {
    const decided = (failure: SwitchboardError | undefined): void | Promise<void> => {
      if (failure) return endSocket(socket, failure);
      if (socket.connected) inbox.open();
    };
    const failure = this.runHooks(socket, table.connectionHooks, 'connection_hook');
    if (failure instanceof Promise) return failure.then(decided);
    return decided(failure) ?? undefined;
  }

  /**
   * Runs hooks side by side, as Nest does, and gives the first failure as what the client may see.
   *
   * Most hooks are synchronous, and thousands of sockets come in at once after an outage: only what has to be waited
   * for makes a promise.
   */
  private runHooks(
    socket: GatewaySocket,
    hooks: NamespaceTable['connectionHooks'],
    place: FailurePlace,
    ...rest: unknown[]
  ): SwitchboardError | undefined | Promise<SwitchboardError | undefined> {
    let first: SwitchboardError | undefined;
    let pending: Promise<SwitchboardError | undefined>[] | undefined;
    for (const { gateway, hook } of hooks) {
      const onFailure = (failure: unknown): SwitchboardError =>
        this.hookFailed(place, `${place} of ${gateway}`, failure);
      try {
        const done = hook(socket, ...rest);
        if (isPromiseLike(done)) {
          const limitMs = this.config.handlerTimeoutMs;
          const inTime = withinTime(done, limitMs, `did not finish within ${limitMs} ms`);
          (pending ??= []).push(inTime.then(() => undefined, onFailure));
        }
      } catch (failure) {
        first ??= onFailure(failure);
      }
    }
    if (!pending) return first;
    return Promise.all(pending).then(
      (failures) => first ?? failures.find((failure) => failure !== undefined),
    );
  }

  private hookFailed(place: FailurePlace, what: string, failure: unknown): SwitchboardError {
    const error = toSwitchboardError(failure);
    if (error.code === 'internal') this.failed(place, `${what} failed`, failure);
    return error;
  }
}

/** Before a socket ends, all that its client has sent is handled. */
const hurriedEmit = (emit: EmitReserved): EmitReserved =>
  function (event, ...args) {
    if (event === 'disconnecting') (socketState(this as GatewaySocket).inbox as SocketInbox).hurry();
    return emit.call(this, event, ...args);
  };

/** Whether its client presented a session, and asked for recovery, as those do that take part in it. */
const cameBack = ({ handshake }: GatewaySocket): boolean => {
  const { recovery, pid } = (handshake.auth ?? {}) as Readonly<Record<string, unknown>>;
  return recovery === true && pid !== undefined;
};
