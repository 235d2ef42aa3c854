import { loadConfig, type SwitchboardConfig, type SwitchboardOptions } from './config.js';

/**
 * The configuration of this process: its environment, and options that win over it. The one place that reads
 * `process.env`. [C1]
 * @throws ConfigError as {@link loadConfig} does
 */
export const loadProcessConfig = (options: SwitchboardOptions = {}): SwitchboardConfig =>
  loadConfig({ env: process.env, options });
