import type { NodeCommand, NodeQuestion } from '../engine.js';
import type { PresenceChange, PresenceState } from '../presence.js';
import type { NodeContext } from './node/node-context.js';
import type { InboxEntry } from './inbox/inbox.js';
import type { RedisBroker } from './inbox/redis-broker.js';
import type { RedisRegistryWriter } from './stores/registry-writer.js';
import type { RedisSessions } from './stores/redis-sessions.js';
import type { RedisOutbox } from './stores/redis-outbox.js';
import type { RedisRevocations } from './stores/redis-revocations.js';
import { readOrder, writeAnswer } from './stores/codec.js';

/** The parts of the engine that are told what comes through the inbox. */
export interface InboxReaders {
  readonly context: Pick<NodeContext, 'hooks' | 'calls' | 'barriers' | 'reply'>;
  readonly broker: RedisBroker;
  readonly holdings: RedisRegistryWriter;
  readonly sessions: RedisSessions;
  readonly revocations: RedisRevocations;
  readonly outbox: RedisOutbox;
}

/**
 * Gives an entry of the inbox to whom it is for. A kind that is not known is from a newer version and is passed over.
 *
 * @returns what the next entry has to wait for
 */
export function dispatch({ kind, fields }: InboxEntry, readers: InboxReaders): Promise<void> | undefined {
  const text = fields['d'] ?? '';
  switch (kind) {
    case 'marks':
      readers.broker.marked(text);
      return undefined;
    case 'publication':
      readers.broker.received(fields);
      return undefined;
    case 'mark':
      if (fields['q'] !== undefined) readers.broker.moveTo(fields['q']);
      return readers.context.barriers.reach(text);
    case 'presence':
      readers.broker.moveTo(fields['q']!);
      readers.context.hooks()?.presence(JSON.parse(text) as PresenceChange);
      return undefined;
    case 'presenceState':
      readers.context.hooks()?.presenceState(JSON.parse(text) as PresenceState);
      return undefined;
    case 'takeOver':
      readers.sessions.takenFrom(text);
      readers.context.hooks()?.takeOver(text);
      // Without effect once the other node has put it in. Where that failed, nothing may stand in its way.
      readers.holdings.leave(text, true).catch(() => undefined);
      return undefined;
    case 'reply':
      readers.context.calls.answer(fields['i']!, fields['f']!, text);
      return undefined;
    case 'command':
      obey(readOrder(text), fields['f']!, fields['i']!, readers.context);
      return undefined;
    case 'revocation':
      readers.revocations.announced(text);
      return undefined;
    case 'event':
      readers.outbox.told(fields['p']!, fields['i']!, text);
      return undefined;
    default:
      return undefined;
  }
}

/**
 * Carries out what another node has ordered or asked. What it does to sockets is done in this turn; later entries do not
 * wait for the rest, which may take as long as the sockets do.
 */
function obey(
  order: NodeCommand | NodeQuestion,
  from: string,
  id: string,
  { hooks, reply }: InboxReaders['context'],
): void {
  if ('do' in order) {
    void Promise.resolve(hooks()?.carryOut(order)).then((sockets) => {
      if (sockets !== undefined) reply(from, id, String(sockets));
    });
    return;
  }
  // Who asked is told by its own time limit that there is no answer.
  Promise.resolve(hooks()?.answer(order))
    .then((answer) => reply(from, id, writeAnswer(answer)))
    .catch(() => undefined);
}
