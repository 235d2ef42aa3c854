/**
 * Sends a command over a connection of `ioredis` in one piece, past the object that the library makes for each: what is
 * sent alone, as a publication is, would spend more on that than on all else it takes to send it.
 *
 * It stands in the library's own queue of commands that wait for their answer, so it keeps its place among them, and fails
 * as they do when the connection breaks. Private in the types of `ioredis`.
 */
import { writeTogether } from './redis-stream.js';

/** What is used of a connection. */
interface Connection {
  readonly status?: unknown;
  readonly stream?: { readonly writable?: boolean; write(text: string): boolean };
  readonly commandQueue?: { push(waiting: object): unknown };
  readonly condition?: { readonly select?: number };
}

/** How the library gives its answer. */
interface Answered {
  /** Texts are buffers, also within lists. */
  resolve(reply: unknown): void;
  reject(failure: unknown): void;
}

/** @returns false when it was not sent: the connection is not ready, or not as it is known here */
export function sendCommand(
  redis: object,
  name: string,
  args: readonly (string | number)[],
  resolve: (reply: unknown) => void,
  reject: (failure: unknown) => void,
): boolean {
  const { status, stream, commandQueue, condition } = redis as Connection;
  if (status !== 'ready' || stream?.writable !== true || typeof commandQueue?.push !== 'function')
    return false;
  writeTogether(redis);
  stream.write(textOf(name, args));
  const command: Answered & { name: string; args: readonly unknown[] } = {
    name,
    args,
    resolve: (reply) => resolve(asText(reply)),
    reject,
  };
  commandQueue.push({ command, stream: undefined, select: condition?.select });
  return true;
}

function textOf(name: string, args: readonly (string | number)[]): string {
  let text = `*${args.length + 1}\r\n$${name.length}\r\n${name}\r\n`;
  for (const each of args) {
    const arg = String(each);
    text += `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`;
  }
  return text;
}

function asText(reply: unknown): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString();
  return Array.isArray(reply) ? reply.map(asText) : reply;
}
