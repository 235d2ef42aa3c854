/** Requests that must not take effect twice. [D7] */

/** How long a key is remembered. */
export const IDEMPOTENCY_WINDOW_MS = 300_000;

export type IdempotentTurn =
  /** The first with this key. The caller carries the request out and then settles or abandons it. */
  | {
      readonly state: 'first';
      /** Keeps the response for whoever repeats the request. */
      settle(response: string): Promise<void>;
      /** Nothing took effect: the next with this key is the first. */
      abandon(): Promise<void>;
    }
  /** A repetition: the response of the first. */
  | { readonly state: 'repeated'; readonly response: string }
  /** The key was used for another request. */
  | { readonly state: 'conflict' };

export interface IdempotencyStore {
  /**
   * Asks whose turn a request is. While the first is still being carried out, a repetition waits for its response.
   *
   * @param key unique per caller
   * @param fingerprint the same for the same request, and different for another
   * @param keepMs how long it is remembered; {@link IDEMPOTENCY_WINDOW_MS} when not given
   * @throws SwitchboardError `engine.unavailable`
   */
  begin(key: string, fingerprint: string, keepMs?: number): Promise<IdempotentTurn>;
}
