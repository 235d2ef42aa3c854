import { SwitchboardError } from '../protocol/errors.js';

/** Bounds of `timeoutMs` of a publication with acknowledgements. [D6] */
export const MAX_ACK_TIMEOUT_MS = 60_000;

/** @throws SwitchboardError `payload.invalid` for what is no time to wait for acknowledgements */
export function assertAckTimeout(timeoutMs: number): void {
  if (Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_ACK_TIMEOUT_MS) return;
  throw new SwitchboardError('payload.invalid', {
    errors: [{ path: 'ack.timeoutMs', message: `expected a whole number from 1 to ${MAX_ACK_TIMEOUT_MS}` }],
  });
}
