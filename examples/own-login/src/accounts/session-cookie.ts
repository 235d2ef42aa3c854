/** The session in a `Cookie` header. */
export const sessionIn = (cookies: string | undefined): string | undefined =>
  /(?:^|;\s*)session=([\w-]+)/.exec(cookies ?? '')?.[1];
