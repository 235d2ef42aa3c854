import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSlotOf } from '../../src/engine/redis/connection/discovery/slot.js';
import { freePort } from './free-port.js';
import { TestRedis } from './redis.js';
import { until } from './until.js';

const SLOTS = 16_384;
const NODE_TIMEOUT_MS = 1_000;
/** The slot of all keys. */
const SLOT = String(hashSlotOf('{sb}:state'));

/** A real cluster in which every primary has as many replicas; one that is lost is replaced within a few seconds. */
export class TestCluster {
  private constructor(
    private readonly folder: string,
    readonly nodes: readonly TestRedis[],
    private readonly password: string | undefined,
  ) {}

  /** @param settings more arguments for each node */
  static async start(
    primaries: number,
    replicas: number,
    password?: string,
    settings?: () => Promise<readonly string[]>,
  ): Promise<TestCluster> {
    const cluster = await TestCluster.planned(primaries * (1 + replicas), password, settings);
    try {
      await Promise.all(cluster.nodes.map((node) => node.run()));
      await cluster.form(primaries);
      return cluster;
    } catch (failure) {
      await cluster.stop();
      throw failure;
    }
  }

  /** One whose nodes do not run yet. */
  static async planned(
    nodes: number,
    password?: string,
    more: () => Promise<readonly string[]> = async () => [],
  ): Promise<TestCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-cluster-'));
    const auth = password === undefined ? [] : ['--masterauth', password];
    const planned: TestRedis[] = [];
    for (let index = 0; index < nodes; index++) {
      const settings = {
        'cluster-enabled': 'yes',
        'cluster-config-file': `nodes-${index}.conf`,
        'cluster-port': String(await freePort()),
        'cluster-node-timeout': String(NODE_TIMEOUT_MS),
        'cluster-replica-validity-factor': '0',
        'repl-diskless-sync-delay': '0',
        // Nobody is told of a replica that has had nothing yet.
        'repl-ping-replica-period': '1',
        dir: folder,
      };
      const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
      planned.push(await TestRedis.planned([...args, ...auth, ...(await more())], password));
    }
    return new TestCluster(folder, planned, password);
  }

  /** Gives out the slots, and a primary to each replica. */
  async form(primaries: number): Promise<void> {
    const [first, ...others] = this.nodes as [TestRedis, ...TestRedis[]];
    const share = Math.ceil(SLOTS / primaries);
    for (const [index, node] of this.nodes.slice(0, primaries).entries()) {
      const [from, to] = [index * share, Math.min((index + 1) * share, SLOTS) - 1];
      await ask(node, 'ADDSLOTSRANGE', String(from), String(to));
      await ask(node, 'SET-CONFIG-EPOCH', String(index + 1));
    }
    for (const { port, args } of others) {
      await ask(first, 'MEET', '127.0.0.1', String(port), args[args.indexOf('--cluster-port') + 1]!);
    }
    await this.all('know each other', `cluster_known_nodes:${this.nodes.length}`);
    for (const [index, node] of this.nodes.slice(primaries).entries()) {
      await ask(node, 'REPLICATE', await idOf(this.nodes[index % primaries]!));
    }
    await this.all('are up', 'cluster_state:ok');
    await until('every replica has a copy', async () => {
      const infos = await Promise.all(
        this.nodes.slice(primaries).map((node) => node.ask((client) => client.info('replication'))),
      );
      return infos.every((info) => info.includes('master_link_status:up'));
    });
    await until('everybody knows the replicas', async () => {
      const known = await Promise.all(this.nodes.map(shardsBy));
      return known.every((shards) => shards.flatMap(({ ports }) => ports).length === this.nodes.length);
    });
  }

  /** Who holds the keys, a replica of it, and the other primaries. */
  async roles(): Promise<{ owner: TestRedis; replica: TestRedis; others: readonly TestRedis[] }> {
    const shards = await shardsBy(this.nodes.find(({ isRunning }) => isRunning)!);
    const at = (port: number): TestRedis => this.nodes.find((node) => node.port === port)!;
    const { ports } = shards.find(({ first, last }) => first <= Number(SLOT) && Number(SLOT) <= last)!;
    const others = shards.flatMap((shard) => (shard.ports[0] === ports[0] ? [] : [at(shard.ports[0]!)]));
    return { owner: at(ports[0]!), replica: at(ports[1]!), others };
  }

  url(nodes: readonly TestRedis[] = this.nodes, password = this.password): string {
    const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`).join();
    return `redis+cluster://${password === undefined ? '' : `:${password}@`}${hosts}`;
  }

  /** Begins to hand the keys over. */
  async beginMove(from: TestRedis, to: TestRedis): Promise<void> {
    await ask(to, 'SETSLOT', SLOT, 'IMPORTING', await idOf(from));
    await ask(from, 'SETSLOT', SLOT, 'MIGRATING', await idOf(to));
  }

  /** Hands over all keys there are. */
  async moveKeys(from: TestRedis, to: TestRedis): Promise<void> {
    await from.ask(async (client) => {
      const keys = (await client.call('CLUSTER', 'GETKEYSINSLOT', SLOT, '10000')) as string[];
      const auth = this.password === undefined ? [] : ['AUTH', this.password];
      await client.call('MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', ...auth, 'KEYS', ...keys);
    });
  }

  async endMove(from: TestRedis, to: TestRedis): Promise<void> {
    const id = await idOf(to);
    await ask(to, 'SETSLOT', SLOT, 'NODE', id);
    await ask(from, 'SETSLOT', SLOT, 'NODE', id);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    await rm(this.folder, { recursive: true });
  }

  private async all(are: string, line: string): Promise<void> {
    await until(`the nodes of the cluster ${are}`, async () => {
      const infos = await Promise.all(this.nodes.map((node) => ask(node, 'INFO')));
      return infos.every((info) => String(info).includes(line));
    });
  }
}

const ask = (node: TestRedis, ...command: string[]): Promise<unknown> =>
  node.ask((client) => client.call('CLUSTER', ...command));

/** Ranges of slots, and who holds each: the primary first. */
async function shardsBy(node: TestRedis): Promise<{ first: number; last: number; ports: number[] }[]> {
  const ranges = (await ask(node, 'SLOTS')) as [number, number, ...[string, number][]][];
  return ranges.map(([first, last, ...nodes]) => ({ first, last, ports: nodes.map(([, port]) => port) }));
}

const idOf = async (node: TestRedis): Promise<string> => String(await ask(node, 'MYID'));
