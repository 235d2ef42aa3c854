import type { Writable } from 'node:stream';

/**
 * Has all that a client of `ioredis` is asked before the next tick leave in one write: a client that comes back changes
 * the registry and its session and asks for what it missed in one go, and a system call for each costs more than the rest
 * of sending it. Private in the types of `ioredis`; without it each leaves by itself.
 */
export function writeTogether(redis: object): void {
  const { stream } = redis as { readonly stream?: Writable };
  if (stream?.writableCorked !== 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}
