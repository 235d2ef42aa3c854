import { randomBytes } from 'node:crypto';
import type { NodeCommand } from '../../engine.js';
import type { PendingCalls } from './pending-calls.js';
import { unavailable } from '../connection/client.js';
import { COMMAND } from '../lua/command.js';
import type { RunScript } from '../lua/script.js';

/** How long other nodes may take to carry out a command. */
const CARRIED_OUT_WITHIN_MS = 3_000;

/** Has the other nodes that hold a subject's sockets carry out commands. */
export class NodeCommands {
  constructor(
    private readonly run: RunScript,
    private readonly identity: () => readonly [node: string, generation: string],
    private readonly calls: PendingCalls,
  ) {}

  /** @throws SwitchboardError `engine.unavailable` when not every one of them has said that it did */
  async send(command: NodeCommand): Promise<number> {
    const id = randomBytes(9).toString('base64url');
    const call = this.calls.open(id);
    try {
      const [kind, name] = subjectOf(command);
      const nodes = (await this.run(
        COMMAND,
        ...this.identity(),
        kind,
        name,
        id,
        JSON.stringify(command),
      )) as string[];
      if (nodes.length === 0) return 0;
      const answers = await call.answers(new Set(nodes), CARRIED_OUT_WITHIN_MS);
      if (nodes.some((node) => !answers.has(node))) throw unavailable();
      return nodes.reduce((total, node) => total + Number(answers.get(node)), 0);
    } finally {
      call.drop();
    }
  }
}

function subjectOf(command: NodeCommand): [kind: 'all' | 'user' | 'socket', name: string] {
  if (!('subject' in command)) return ['all', ''];
  const { subject } = command;
  return 'user' in subject ? ['user', subject.user] : ['socket', subject.socketId];
}
