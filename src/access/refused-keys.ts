import { Injectable, Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { SwitchboardError } from '../protocol/errors.js';
import { Metrics } from '../telemetry/metrics.js';

const QUIET_MS = 1_000;
/** As many addresses are told apart; more at a time share what is left of the second. */
const MAX_REMEMBERED = 1_000;

/**
 * Writes down that a key was refused, or lacked a scope. [A10]
 *
 * At most one line a second for one code and address, with the number of those that had none since the last: a caller
 * without a key must not fill the log.
 */
@Injectable()
export class RefusedKeys {
  private readonly logger = new Logger('Audit');
  private readonly recent = new Map<string, { readonly at: number; unwritten: number }>();

  constructor(private readonly metrics: Metrics) {}

  /** @param key the name of the key, where it is one */
  refused(
    request: Partial<Pick<IncomingMessage, 'method' | 'url' | 'socket'>>,
    { code, status }: SwitchboardError,
    key?: string,
  ): void {
    this.metrics.refusedKey(code);
    const address = request.socket?.remoteAddress ?? 'unknown';
    const kind = `${code} ${key ?? ''} ${address}`;
    const now = performance.now();
    const last = this.recent.get(kind);
    if (last && now - last.at < QUIET_MS) {
      last.unwritten++;
      return;
    }
    if (this.recent.size >= MAX_REMEMBERED) this.recent.clear();
    this.recent.set(kind, { at: now, unwritten: 0 });
    const { method, url = '' } = request;
    this.logger.warn('an API key was refused', {
      ...(key === undefined ? {} : { key }),
      method,
      // Not the query, where a caller may have put its key by mistake.
      path: url.split('?', 1)[0]!.slice(0, 256),
      status,
      code,
      address,
      ...(last && last.unwritten > 0 ? { unwritten: last.unwritten } : {}),
    });
  }
}
