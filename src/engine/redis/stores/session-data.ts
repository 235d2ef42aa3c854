import { Logger } from '@nestjs/common';
import { MAX_DEPTH, measureValue } from '../../../protocol/json.js';
import { decodeArgs, encodeArgs } from './codec.js';

/** Nothing to keep: most apps put nothing there. */
export const NO_DATA = '';

/**
 * An app's `socket.data` as text, to be kept with its session.
 *
 * @throws Error when it is no JSON, binary aside
 */
export function writeData(data: unknown): string {
  if (typeof data !== 'object' || data === null)
    return data === undefined ? NO_DATA : JSON.stringify([[data], 0]);
  for (const _ in data) {
    if (measureValue(data).depth > MAX_DEPTH) throw new Error(`more than ${MAX_DEPTH} levels of nesting`);
    return JSON.stringify(encodeArgs([data]));
  }
  return NO_DATA;
}

/** What {@link writeData} was given; `undefined` for no text. */
export function readData(text: string): unknown {
  if (text === NO_DATA) return undefined;
  const [args, holdsBinary] = JSON.parse(text) as [readonly unknown[], 0 | 1];
  return decodeArgs(args, holdsBinary)[0];
}

/** Writes the data of many sockets, whatever apps put there. */
export class SessionDataWriter {
  private readonly logger = new Logger('Recovery');
  private hasSaidThatDataIsNoJson = false;

  /** Data that is no JSON cannot go to Redis: the socket comes back without, which is said once. */
  textOf(data: unknown): string {
    try {
      return writeData(data);
    } catch (failure) {
      if (!this.hasSaidThatDataIsNoJson) {
        this.hasSaidThatDataIsNoJson = true;
        const reason = failure instanceof Error ? failure.message : 'it cannot be read';
        this.logger.warn('socket.data is no JSON: sockets come back without it', { reason });
      }
      return NO_DATA;
    }
  }
}
