/** Users and tokens that are shut out, on all nodes. [A6] */

/**
 * What can be changed. Times named `untilMs` are milliseconds since 1970: the moment from which the revoked tokens have
 * expired by themselves and the entry may be dropped. Pass `Infinity` when tokens do not expire.
 */
export interface RevocationChanges {
  /** Shuts a user out, whatever token it presents, until {@link unblock}. */
  block(user: string): Promise<void>;
  /** @returns whether the user was blocked */
  unblock(user: string): Promise<boolean>;
  revokeJti(jti: string, untilMs: number): Promise<void>;
  /** Revokes the user's tokens with an `iat` before `issuedBefore` (seconds), and those without `iat`. */
  revokeUser(user: string, issuedBefore: number, untilMs: number): Promise<void>;
}

/**
 * Blocks and revocations that all nodes share. Every node has a replica of its own, because every connection and every
 * request asks; a change is in this node's replica when its promise resolves, and in the others' at once after that.
 *
 * Changes reject with `engine.unavailable` when they cannot be proven.
 */
export interface SharedRevocations extends RevocationChanges {
  /**
   * @param changed called after others have shut somebody out, with the user whom it concerns; without one when it may
   * be anybody: after a token was revoked, and after everything was loaded again
   */
  replicateTo(replica: RevocationChanges, changed: (user?: string) => void): void;
}
