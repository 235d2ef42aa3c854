import { resultOf, TurnBatcher, type BatchResults } from '../connection/turn-batcher.js';
import { COMMAND_MARK, type CommandOrder } from '../lua/command.js';
import type { PlainOrder, PlainReply, PublishOrder, PublishReply } from '../lua/publish.js';
import { luaJson } from '../lua/script.js';
import { COMMANDS, PUBLISH } from '../lua/scripts.js';
import type { NodeContext } from '../node/node-context.js';

type AnyOrder = PlainOrder | PublishOrder | CommandOrder;

interface Sent<Order extends AnyOrder = AnyOrder> {
  readonly order: Order;
  readonly payload: string;
}

/** A publication with what Redis has to know of it. */
export type OutgoingPublication = Sent<PlainOrder | PublishOrder>;

/**
 * Publications and commands of this node on their way to Redis, in order: each by a script of their own, since what refuses
 * the ones may take the others.
 *
 * A publication that comes while nothing is under way goes at once. All else of a turn goes together at its end.
 */
export class Outgoing {
  private readonly batches: TurnBatcher<Sent>;

  /** @param before what else of the turn Redis is to have first */
  constructor(
    private readonly context: Pick<NodeContext, 'run' | 'identity' | 'sessionsKeepMs'>,
    private readonly before: () => void,
  ) {
    const weightOf = ({ payload }: Sent): number => payload.length;
    this.batches = new TurnBatcher((batch) => this.send(batch), { weightOf, isHurried: true });
  }

  publication(outgoing: OutgoingPublication): Promise<PublishReply | PlainReply> {
    return this.batches.push(outgoing) as Promise<PublishReply | PlainReply>;
  }

  /** @returns the nodes that were told */
  command(order: CommandOrder, payload: string): Promise<readonly string[]> {
    return this.batches.push({ order, payload }) as Promise<readonly string[]>;
  }

  private send(batch: readonly Sent[]): Promise<BatchResults> {
    this.before();
    const runs = runsOf(batch);
    if (runs.length === 1) return this.sendRun(batch);
    const replies = runs.flatMap((run) => {
      const sent = this.sendRun(run);
      return run.map((_, index) => sent.then((some) => resultOf(some, index)));
    });
    return Promise.resolve(replies);
  }

  private sendRun(run: readonly Sent[]): Promise<BatchResults> {
    return (
      isCommand(run[0]!) ? this.sendCommands(run) : this.sendPublications(run)
    ) as Promise<BatchResults>;
  }

  private sendCommands(run: readonly Sent[]): Promise<unknown> {
    const payloads = run.map(({ payload }) => payload);
    const orders = luaJson(run.map(({ order }) => order));
    return this.context.run(COMMANDS, ...this.context.identity(), orders, ...payloads);
  }

  private sendPublications(run: readonly Sent[]): Promise<unknown> {
    const { context } = this;
    const orders: AnyOrder[] = [];
    const publications: string[] = [];
    for (const { order, payload } of run) {
      const isPlain = typeof order === 'string';
      if (!isPlain) orders.push(order);
      publications.push(isPlain ? order : '', payload);
    }
    const others = orders.length === 0 ? '' : luaJson(orders);
    return context.run(
      PUBLISH,
      ...context.identity(),
      `${context.sessionsKeepMs}\n${others}`,
      ...publications,
    );
  }
}

const isCommand = ({ order }: Sent): boolean => order[0] === COMMAND_MARK;

/** The batch cut where publications and commands change. */
function runsOf(batch: readonly Sent[]): readonly Sent[][] {
  const runs: Sent[][] = [];
  for (const each of batch) {
    const last = runs.at(-1);
    if (last && isCommand(last[0]!) === isCommand(each)) last.push(each);
    else runs.push([each]);
  }
  return runs;
}
