/** Several gateways on one Redis, as users see them: through any of them, all of them. */
import {
  startGateway,
  type HttpAnswer,
  type StartOptions,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { TestRedis } from './redis.js';

/** Gateways in this process that share a Redis of their own. */
export class Cluster {
  private constructor(
    readonly redis: TestRedis,
    readonly nodes: readonly TestGateway[],
  ) {}

  static async start(options: StartOptions = {}, count = 2): Promise<Cluster> {
    const redis = await TestRedis.start();
    const starting = Array.from({ length: count }, () => startGateway({ redisUrl: redis.url, ...options }));
    try {
      return new Cluster(redis, await Promise.all(starting));
    } catch (failure) {
      await redis.kill();
      throw failure;
    }
  }

  get a(): TestGateway {
    return this.nodes[0]!;
  }

  get b(): TestGateway {
    return this.nodes[1]!;
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
    await this.redis.kill();
  }
}

/** The body of an answer with this status; the error shows what came instead. */
export async function bodyOf<Body = Record<string, unknown>>(
  answer: Promise<HttpAnswer<Body>>,
  status = 200,
): Promise<Body> {
  const { status: given, body } = await answer;
  if (given !== status) throw new Error(`${given} instead of ${status}: ${JSON.stringify(body)}`);
  return body;
}

/** Publishes over HTTP; how many sockets of all nodes it was for. */
export async function emitTo(
  node: TestGateway,
  to: object,
  event: string,
  args: readonly unknown[] = [],
  more: object = {},
): Promise<number> {
  const { matched } = await bodyOf(node.http('POST', '/v1/emit', { to, event, args, ...more }), 202);
  return matched as number;
}
