/** Stands in for the configuration of the process where tests run on the redis engine. */
import type { SwitchboardConfig, SwitchboardOptions } from '../../src/config/config.js';
import { loadProcessConfig as loadAsIs } from '../../src/config/process-config.js';
import { nextDatabase } from './engine-under-test.js';

/** A Redis that is slow because the machine is busy is not gone. */
const REDIS_TIMEOUT_MS = 7_000;

export const loadProcessConfig = (options: SwitchboardOptions = {}): SwitchboardConfig =>
  loadAsIs({
    redisUrl: nextDatabase(),
    redisTimeoutMs: Math.min(REDIS_TIMEOUT_MS, options.nodeLeaseMs ?? REDIS_TIMEOUT_MS),
    ...options,
  });
