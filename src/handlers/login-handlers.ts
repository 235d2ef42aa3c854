import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { ClientHandshake } from '../access/app-login.js';
import {
  RemoteLogin,
  type RemoteIdentity,
  type Renewal,
  type RoomPermission,
} from '../access/remote-login.js';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { NodeIdentity } from '../engine/node-identity.js';
import type { RoomAction } from '../protocol/capabilities.js';
import { SwitchboardError } from '../protocol/errors.js';
import { assertDeliverable } from '../protocol/json.js';
import { isListedRoom } from '../protocol/names.js';
import { membershipOf } from '../sockets/membership.adapter.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';
import { connectAnswer, joinAnswer, refreshAnswer, type AnswerShape } from './login-answers.js';
import type { RemoteHandler } from './remote-handler.js';
import { RemoteHandlers } from './remote-handlers.js';

/** Of a client's own trace; anything else is not passed on. @see https://www.w3.org/TR/trace-context/ */
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Asks the handlers `@connect`, `@refresh` and `@join:…`. [B6] */
@Injectable()
export class LoginHandlers extends RemoteLogin {
  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly handlers: RemoteHandlers,
    private readonly node: NodeIdentity,
  ) {
    super();
  }

  // By the configuration: what is asked for before the handlers are there must not be let in unasked.
  get identifies(): boolean {
    return this.config.handlers.some(({ kind }) => kind === 'connect');
  }

  get renews(): boolean {
    return this.config.handlers.some(({ kind }) => kind === 'refresh');
  }

  get longestWaitMs(): number {
    return this.handlers.longestWaitMs;
  }

  async identify(handshake: ClientHandshake, isWanted: () => boolean): Promise<RemoteIdentity> {
    const handler = this.handlers.find('connect', '');
    if (!handler) throw new SwitchboardError('handler.unavailable');
    const { auth, query, headers, address, namespace } = handshake;
    assertDeliverable([auth], 'auth');
    const { 'user-agent': userAgent, origin, traceparent } = headers;
    const reply = await handler.ask(
      {
        type: 'connect',
        ...this.message(),
        auth,
        query,
        headers: this.allowed(headers),
        address,
        userAgent,
        origin,
        namespace,
      },
      {
        isWanted,
        traceparent:
          typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : undefined,
      },
    );
    if (reply.kind === 'disconnect') {
      throw new SwitchboardError('access.denied', { message: reply.message, retryable: reply.retryable });
    }
    return this.understood(handler, connectAnswer(this.config.maxRoomsPerSocket), reply.body);
  }

  async renew(socket: GatewaySocket): Promise<Renewal> {
    const handler = this.handlers.find('refresh', '');
    if (!handler) return { kind: 'unknown' };
    const { grant } = socketState(socket);
    try {
      const expiresAt = grant.expiresAt === undefined ? undefined : new Date(grant.expiresAt).toISOString();
      const headers = this.allowed(socket.handshake.headers);
      const reply = await handler.ask({ ...this.about('refresh', socket), headers, expiresAt });
      if (reply.kind === 'disconnect') return reply;
      const renewed = this.understood(handler, refreshAnswer, reply.body);
      const isOther = renewed.user !== undefined && renewed.user !== socketState(socket).user;
      return isOther
        ? { kind: 'over' }
        : { kind: 'renewed', caps: renewed.caps, expiresAt: renewed.expiresAt };
    } catch (failure) {
      return { kind: isRefusal(failure) ? 'over' : 'unknown' };
    }
  }

  permit(
    socket: GatewaySocket,
    room: string,
    actions: readonly RoomAction[],
  ): Promise<RoomPermission> | undefined {
    const handler = this.handlers.find('join', room);
    return handler && this.askToEnter(handler, socket, room, actions);
  }

  private async askToEnter(
    handler: RemoteHandler,
    socket: GatewaySocket,
    room: string,
    actions: readonly RoomAction[],
  ): Promise<RoomPermission> {
    const isWanted = (): boolean => socket.connected;
    const reply = await handler.ask({ ...this.about('join', socket), room, actions }, { isWanted });
    if (reply.kind === 'disconnect') throw new SwitchboardError('access.denied', { message: reply.message });
    return this.understood(handler, joinAnswer, reply.body);
  }

  private message() {
    return { id: randomUUID(), node: this.node.id, at: new Date().toISOString() };
  }

  private about(type: 'refresh' | 'join', socket: GatewaySocket) {
    const { user, info, address } = socketState(socket);
    const rooms = membershipOf(socket).namesOfRooms(socket.id).filter(isListedRoom);
    const namespace = socket.nsp.name;
    return { type, ...this.message(), user, info, socketId: socket.id, rooms, address, namespace };
  }

  /** The headers that the operator has named, of the client's first request. */
  private allowed(headers: ClientHandshake['headers']): Record<string, string | string[]> {
    return Object.fromEntries(
      this.config.handlerHeaders.flatMap((name) => {
        const value = headers[name];
        return value === undefined ? [] : [[name, value]];
      }),
    );
  }

  private understood<Answer>(handler: RemoteHandler, shape: AnswerShape<Answer>, body: unknown): Answer {
    const parsed = shape.safeParse(body);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw handler.misunderstood(`${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
}

/** A backend that is busy or down has not said that the client may not stay. */
const isRefusal = (failure: unknown): boolean =>
  failure instanceof SwitchboardError &&
  !failure.code.startsWith('handler.') &&
  failure.code !== 'limit.rate' &&
  failure.code !== 'internal';
