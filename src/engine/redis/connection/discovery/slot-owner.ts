import { ReplyError } from 'ioredis';
import type { ClusterAddress, HostAndPort } from '../../../../config/redis-address.js';
import { askNode, unique } from '../../node/ask-node.js';
import { hashSlotOf } from './slot.js';

/** A node in the answer to `CLUSTER SLOTS`: endpoint, port, ID, and names beside the endpoint. */
type NodeReply = readonly [endpoint: string | null, port: number, id: string, names?: readonly string[]];
type SlotsReply = readonly (readonly [first: number, last: number, ...nodes: NodeReply[]])[];

const MOVED = /^MOVED \d+ (.*):(\d+)$/;

/**
 * Which node of a cluster holds the keys of this deployment, which are all in one slot.
 *
 * Asks one node after the other: those the cluster has told of, and the seeds, in case none of the others is left. One
 * that did not help is asked last the next time.
 */
export class SlotOwner {
  private readonly slot: number;
  /** The nodes to ask, in this order. */
  private nodes: readonly HostAndPort[];
  private lastFound: HostAndPort | undefined;

  constructor(
    private readonly address: ClusterAddress,
    key: string,
  ) {
    this.slot = hashSlotOf(key);
    this.nodes = address.seeds;
  }

  /** Takes in what a node answered that does not hold the keys: it knows who does before all others have heard of it. */
  moved(message: string): void {
    const [, host, port] = MOVED.exec(message) ?? [];
    const from = this.lastFound;
    if (host === undefined || !from) return;
    this.nodes = unique([{ host: isKnown(host) ? host : from.host, port: Number(port) }, ...this.nodes]);
  }

  /** @throws what the most telling of the nodes failed with */
  async find(signal: AbortSignal): Promise<HostAndPort> {
    let telling: unknown;
    for (const node of this.nodes) {
      signal.throwIfAborted();
      try {
        const slots = await this.ask(node, signal);
        this.lastFound = this.read(slots, node);
        return this.lastFound;
      } catch (failure) {
        this.nodes = unique([...this.nodes.filter((other) => other !== node), node]);
        // One that answers knows more than one that does not.
        if (!(telling instanceof ReplyError)) telling = failure;
      }
    }
    throw telling;
  }

  private async ask(node: HostAndPort, signal: AbortSignal): Promise<SlotsReply> {
    const { login, tls } = this.address;
    return askNode({ ...node, login, tls }, signal, async (client) => {
      const [info, slots] = await Promise.all([client.cluster('INFO'), client.cluster('SLOTS')]);
      // It is cut off from the others, or a part of the cluster is gone: it refuses every key.
      if (!/^cluster_state:ok/m.test(info)) throw new ReplyError('CLUSTERDOWN');
      return slots as unknown as SlotsReply;
    });
  }

  private read(slots: SlotsReply, asked: HostAndPort): HostAndPort {
    const range = slots.find(([first, last]) => first <= this.slot && this.slot <= last);
    const owner = range?.[2];
    if (owner === undefined) throw new ReplyError('CLUSTERDOWN');
    const told = slots.flatMap(([, , ...nodes]) => nodes.map((node) => addressOf(node, asked)));
    this.nodes = unique([asked, ...told, ...this.address.seeds]);
    return addressOf(owner, asked);
  }
}

/** Empty where a node does not know its own address, null or a question mark where it is not to be told. */
const isKnown = (endpoint: string | null): endpoint is string =>
  endpoint !== null && endpoint !== '' && endpoint !== '?';

/** Where the cluster says that a node is; where it does not, the node is where the one is that was asked. */
function addressOf([endpoint, port, , names = []]: NodeReply, asked: HostAndPort): HostAndPort {
  if (isKnown(endpoint)) return { host: endpoint, port };
  // A node without the name that the cluster should tell: its address stands beside.
  const at = endpoint === '?' ? names.indexOf('ip') : -1;
  return { host: at === -1 ? asked.host : names[at + 1]!, port };
}
