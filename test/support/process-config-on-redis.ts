/** Stands in for the configuration of the process where tests run on the redis engine. */
import type { SwitchboardConfig, SwitchboardOptions } from '../../src/config/config.js';
import { loadProcessConfig as loadAsIs } from '../../src/config/process-config.js';
import { nextDatabase } from './engine-under-test.js';

export const loadProcessConfig = (options: SwitchboardOptions = {}): SwitchboardConfig =>
  loadAsIs({ redisUrl: nextDatabase(), ...options });
