import { SwitchboardError } from '../../src/protocol/errors.js';

/** The coded error that a call throws; anything else that is thrown, or nothing, fails the test. */
export function refusalOf(act: () => unknown): SwitchboardError {
  try {
    act();
  } catch (error) {
    if (error instanceof SwitchboardError) return error;
    throw error;
  }
  throw new Error('was not refused');
}
