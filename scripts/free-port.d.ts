/** A port of this machine that nobody listens on right now, for a program that cannot be given port 0. */
export function freePort(): Promise<number>;
