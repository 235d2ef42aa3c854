/** Somebody or something that is shut out, or no longer. Times `untilMs` are milliseconds since 1970. */
export type RevocationOrder =
  | readonly ['block' | 'unblock', user: string]
  | readonly ['token', jti: string, untilMs: number]
  | readonly ['user', user: string, issuedBefore: number, untilMs: number];
