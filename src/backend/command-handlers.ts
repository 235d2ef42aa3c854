import { Injectable } from '@nestjs/common';
import { RevocationService } from '../access/revocation.service.js';
import type { Answer } from '../engine/log.js';
import { SwitchboardError } from '../protocol/errors.js';
import { encodeUnchecked } from '../protocol/json.js';
import { SocketRegistry } from '../registry/socket-registry.js';
import { History } from '../rooms/history.service.js';
import type { Call } from './call.js';
import type { CommandInput, CommandName, CommandResult, Done } from './commands.js';
import { EmitService } from './emit.service.js';
import { Explainer } from './explainer.js';
import { WebhookControl } from './webhook-control.js';
import { MembershipService } from './membership.service.js';

/** A batch is its commands, one after the other; the runner takes it apart. */
export type SingleCommand = Exclude<CommandName, 'batch'>;

export type CommandHandlerTable = {
  readonly [Name in SingleCommand]: (input: CommandInput<Name>, call?: Call) => Answer<CommandResult<Name>>;
};

const DONE: Done = Object.freeze({});

/** Carries out single commands, whoever asks: whether the actor may has been settled before. */
@Injectable()
export class CommandHandlers {
  readonly table: CommandHandlerTable;

  constructor(
    registry: SocketRegistry,
    history: History,
    emitter: EmitService,
    membership: MembershipService,
    revocations: RevocationService,
    explainer: Explainer,
    webhooks: WebhookControl,
  ) {
    this.table = {
      emit: (request, call) => emitter.emit(request, call?.actor),
      sockets: (request) => registry.getSockets(request),
      socket: async ({ socketId }) => {
        const entry = await registry.getSocket(socketId);
        if (!entry) throw new SwitchboardError('socket.not_found');
        return entry;
      },
      users: (request) => registry.getUsers(request),
      user: ({ user }) => registry.getUser(user),
      rooms: (request) => registry.getRooms(request),
      room: ({ room }) => registry.getRoom(room),
      members: ({ room, ...request }) => registry.getMembers(room, request),
      history: async ({ room, ...request }) => {
        const { publications, ...page } = await history.read(room, request);
        return {
          ...page,
          publications: publications.map((each) => ({ ...each, args: each.args.map(encodeUnchecked) })),
        };
      },
      nodes: async () => {
        const items = await registry.getNodes();
        return { items, next: null, total: items.length };
      },
      stats: () => registry.getStats(),
      explain: (request) => explainer.explain(request),
      top: (request) => explainer.top(request),
      join: (request) => done(membership.join(request, request.room)),
      leave: (request) => done(membership.leave(request, request.room)),
      disconnect: async (request) => ({
        disconnected: await membership.disconnect(request, request.reconnect ?? false),
      }),
      blocks: async (request) => revocations.blocks(request),
      block: ({ user }) => done(revocations.block(user)),
      unblock: ({ user }) => done(revocations.unblock(user)),
      revoke: (request) => done(revocations.revoke(request)),
      dropHistory: ({ room }) => done(history.drop(room)),
      webhooks: async () => {
        const items = await webhooks.list();
        return { items, next: null, total: items.length };
      },
      webhookAttempts: (request) => webhooks.attempts(request),
      testWebhook: ({ name }) => webhooks.test(name),
      replayWebhook: ({ name, since }) => webhooks.replay(name, Date.parse(since)),
    };
  }
}

async function done(work: Promise<void>): Promise<Done> {
  await work;
  return DONE;
}
