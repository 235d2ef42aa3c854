import { Logger } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { logFailure } from '../telemetry/log.js';
import type { StallWatch } from '../timers/stall-watch.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Engine } from './engine.js';
import type { RegistryReader } from './registry.js';
import { MemoryEngine } from './memory/memory-engine.js';
import type { NodeIdentity } from './node-identity.js';

/** The engine that the configuration asks for: Redis where a URL is set, the memory of this process otherwise. */
export async function createEngine(
  config: SwitchboardConfig,
  node: NodeIdentity,
  metrics: Metrics,
  stalls: StallWatch,
  held: RegistryReader,
  clock?: () => number,
): Promise<Engine> {
  const { redisUrl } = config;
  if (redisUrl === undefined) return new MemoryEngine(config, node, held, clock);
  // Not before it is needed: one node alone needs no Redis client.
  const { RedisEngine } = await import('./redis/redis-engine.js');
  const logger = new Logger('Engine');
  return new RedisEngine({ ...config, redisUrl }, node, {
    nodeLost: (lost, sockets) => {
      metrics.nodeLost(sockets);
      logger.warn('a node was lost', { cause: 'node_lost', node: lost, sockets });
    },
    stalledMs: () => stalls.recentMs,
    misconfigured: (what) => logger.warn(`Redis may lose what it is to keep: ${what}`),
    unavailable: (reason, stalledMs) => {
      if (stalledMs > 0) {
        logger.warn(`${reason}, and others took it for dead; its sockets have to come back`);
        return;
      }
      metrics.engineLost();
      logger.error(`shared state is gone: ${reason}; local delivery goes on`);
    },
    recovered: () => logger.log('shared state can be used'),
    entryFailed: (failure) => {
      metrics.failed('inbox');
      logFailure(logger, 'what a node was told could not be taken in', failure);
    },
  });
}
