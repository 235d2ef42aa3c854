import { randomBytes } from 'node:crypto';
import type { NodeAnswers, NodeCommand, NodeQuestion } from '../../engine.js';
import type { PendingCalls } from './pending-calls.js';
import { unavailable } from '../connection/client.js';
import type { RedisBroker } from '../inbox/redis-broker.js';
import { COMMAND_MARK, type CommandOrder } from '../lua/command.js';
import { readAnswer, writeOrder } from '../stores/codec.js';

/** How long other nodes may take to carry out a command. */
const CARRIED_OUT_WITHIN_MS = 3_000;

/** Has the other nodes that hold a subject's sockets carry out commands, and asks them what only they know. */
export class NodeCommands {
  constructor(
    private readonly broker: Pick<RedisBroker, 'tell' | 'orders'>,
    private readonly calls: PendingCalls,
  ) {}

  /** @throws SwitchboardError `engine.unavailable` when not every one of them has said that it did */
  async send(command: NodeCommand): Promise<number> {
    const carriedOut = async (): Promise<number> => {
      const { asked, texts } = await this.call(subjectOf(command), command, CARRIED_OUT_WITHIN_MS);
      if (texts.length < asked) throw unavailable();
      return texts.reduce((total, text) => total + Number(text), 0);
    };
    return this.broker.orders.whileMoving(roomsOf(command), carriedOut);
  }

  async ask(question: NodeQuestion, timeoutMs: number): Promise<NodeAnswers> {
    const { asked, texts } = await this.call(['all', ''], question, timeoutMs);
    return { asked, answers: texts.map(readAnswer) };
  }

  private async call(
    [kind, name]: Subject,
    order: NodeCommand | NodeQuestion,
    timeoutMs: number,
  ): Promise<{ readonly asked: number; readonly texts: readonly string[] }> {
    const id = randomBytes(9).toString('base64url');
    const call = this.calls.open(id);
    try {
      const told = await this.broker.tell([COMMAND_MARK, kind, name, id], writeOrder(order));
      if (told.length === 0) return { asked: 0, texts: [] };
      const answers = await call.answers(new Set(told), timeoutMs);
      return { asked: told.length, texts: told.flatMap((node) => answers.get(node) ?? []) };
    } finally {
      call.drop();
    }
  }
}

type Subject = readonly [kind: CommandOrder[1], name: string];

/** The rooms that a command puts sockets into, or takes them out of. */
function roomsOf(command: NodeCommand): readonly string[] {
  switch (command.do) {
    case 'join':
    case 'leave':
      return [command.room];
    case 'move':
      return [...command.join, ...command.leave];
    case 'disconnect':
    case 'disconnect-all':
    case 'server-side-emit':
      return [];
  }
}

function subjectOf(command: NodeCommand): Subject {
  if (!('subject' in command)) return ['all', ''];
  const { subject } = command;
  return 'user' in subject ? ['user', subject.user] : ['socket', subject.socketId];
}
