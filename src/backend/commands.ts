/**
 * What a backend may ask: every command with the scope it needs and the schema of its input.
 *
 * HTTP, messages of other services, answers of remote handlers and emitters are doors to these. A door makes a
 * {@link Call} of what it was sent and gives it to the `CommandRunner`; scopes, idempotency and the audit are there, once.
 */
import type { z } from 'zod';
import type { ApiKeyScope } from '../config/credentials.js';
import { emitRequest } from '../delivery/publication-schemas.js';
import type { Acknowledged, Published } from '../delivery/publish-request.js';
import type {
  BlockEntry,
  MemberEntry,
  NodeEntry,
  Page,
  RoomEntry,
  SocketEntry,
  Stats,
  UserCount,
  UserEntry,
} from '../protocol/entries.js';
import type {
  WebhookAttempts,
  WebhookEntry,
  WebhookReplay,
  WebhookTestResult,
} from '../protocol/webhooks.js';
import type { HistoryAnswer } from '../rooms/history.service.js';
import { batchRequest } from './batch.schemas.js';
import { explainRequest, topRequest, type ExplainAnswer, type TopAnswer } from './explain.schemas.js';
import {
  disconnectCommand,
  historyRequest,
  membershipCommand,
  membersRequest,
  nothing,
  pageRequest,
  revokeRequest,
  roomRequest,
  roomsRequest,
  socketRequest,
  socketsRequest,
  userRequest,
  webhookAttemptsRequest,
  webhookReplayRequest,
  webhookRequest,
} from './command.schemas.js';

interface CommandDefinition {
  /** `undefined` when any key will do: each command of a batch needs its own. */
  readonly scope: ApiKeyScope | undefined;
  readonly input: z.ZodType;
}

/** All commands. Those with the scope `read` change nothing. */
export const COMMANDS = {
  emit: { scope: 'emit', input: emitRequest },
  batch: { scope: undefined, input: batchRequest },
  sockets: { scope: 'read', input: socketsRequest },
  socket: { scope: 'read', input: socketRequest },
  users: { scope: 'read', input: pageRequest },
  user: { scope: 'read', input: userRequest },
  rooms: { scope: 'read', input: roomsRequest },
  room: { scope: 'read', input: roomRequest },
  members: { scope: 'read', input: membersRequest },
  history: { scope: 'read', input: historyRequest },
  nodes: { scope: 'read', input: nothing },
  stats: { scope: 'read', input: nothing },
  explain: { scope: 'read', input: explainRequest },
  top: { scope: 'read', input: topRequest },
  join: { scope: 'manage', input: membershipCommand },
  leave: { scope: 'manage', input: membershipCommand },
  disconnect: { scope: 'manage', input: disconnectCommand },
  blocks: { scope: 'read', input: pageRequest },
  block: { scope: 'manage', input: userRequest },
  unblock: { scope: 'manage', input: userRequest },
  revoke: { scope: 'manage', input: revokeRequest },
  dropHistory: { scope: 'manage', input: roomRequest },
  webhooks: { scope: 'read', input: nothing },
  webhookAttempts: { scope: 'read', input: webhookAttemptsRequest },
  testWebhook: { scope: 'manage', input: webhookRequest },
  replayWebhook: { scope: 'manage', input: webhookReplayRequest },
} as const satisfies Record<string, CommandDefinition>;

/** The name of a command, as messages carry it behind `switchboard.`. */
export type CommandName = keyof typeof COMMANDS;

/** The checked input of a command. */
export type CommandInput<Name extends CommandName> = z.output<(typeof COMMANDS)[Name]['input']>;

/** A command without an answer of its own. */
export type Done = Record<string, never>;

/** What each command is answered with; also what HTTP answers, where it answers with a body. */
export interface CommandResults {
  readonly emit: Published | Acknowledged;
  readonly batch: { readonly results: readonly object[] };
  readonly sockets: Page<SocketEntry>;
  readonly socket: SocketEntry;
  readonly users: Page<UserCount>;
  readonly user: UserEntry;
  readonly rooms: Page<RoomEntry>;
  readonly room: RoomEntry;
  readonly members: Page<MemberEntry>;
  readonly history: HistoryAnswer;
  readonly nodes: Page<NodeEntry>;
  readonly stats: Stats;
  readonly explain: ExplainAnswer;
  readonly top: TopAnswer;
  readonly join: Done;
  readonly leave: Done;
  readonly disconnect: { readonly disconnected: number };
  readonly blocks: Page<BlockEntry>;
  readonly block: Done;
  readonly unblock: Done;
  readonly revoke: Done;
  readonly dropHistory: Done;
  readonly webhooks: Page<WebhookEntry>;
  readonly webhookAttempts: WebhookAttempts;
  readonly testWebhook: WebhookTestResult;
  readonly replayWebhook: WebhookReplay;
}

/** The answer of a command. */
export type CommandResult<Name extends CommandName> = CommandResults[Name];

/** Whether a text that came from outside names a command. */
export const isCommandName = (name: string): name is CommandName => Object.hasOwn(COMMANDS, name);
