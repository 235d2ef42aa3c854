import type { Redis } from 'ioredis';
import { runScript } from '../../src/engine/redis/connection/client.js';
import { DEFAULT_PREFIX, stateKey } from '../../src/engine/redis/keys.js';
import type { RunScript } from '../../src/engine/redis/lua/script.js';

/** Runs scripts over a client of a test's own. */
export const scriptsOver =
  (client: () => Redis): RunScript =>
  (script, ...args) =>
    new Promise((resolve, reject) =>
      runScript(client(), script, stateKey(DEFAULT_PREFIX), args, resolve, reject),
    );
