/** Which clients are tested here, and which ought to be and cannot. */
import type { Client } from './languages.js';
import type { Toolchain } from './toolchains.js';

export interface Choice {
  readonly clients: readonly Client[];
  /** Of clients that are expected: each is a failure. */
  readonly missing: readonly Toolchain[];
  /** What is missing and is not expected: each is told in one line. */
  readonly skipped: readonly Toolchain[];
}

/**
 * All clients whose toolchain is here, or of those the ones that `CLIENTS=java,go` names.
 *
 * Expected are, in CI, all that a package registry has, and everywhere those that are asked for by name or by their place.
 * @throws Error for a name in `CLIENTS` that no client has
 */
export function chosen(all: readonly Client[], env: NodeJS.ProcessEnv): Choice {
  const asked = env['CLIENTS']?.split(',');
  const unknown = asked?.filter((name) => !all.some((client) => client.name === name)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`CLIENTS: ${unknown.join(', ')} is none of ${all.map(({ name }) => name).join(', ')}`);
  }
  const wanted = all.filter(({ name }) => asked?.includes(name) ?? true);
  const toolchains = [...new Set(wanted.map(({ toolchain }) => toolchain))];
  const absent = toolchains.filter((toolchain) => !toolchain.isThere());
  const isExpected = ({ place }: Toolchain): boolean =>
    asked !== undefined || (place === undefined ? isSet(env['CI']) : place !== '');
  return {
    clients: wanted.filter(({ toolchain }) => !absent.includes(toolchain)),
    missing: absent.filter(isExpected),
    skipped: absent.filter((toolchain) => !isExpected(toolchain)),
  };
}

const isSet = (value: string | undefined): boolean => value !== undefined && value !== '';
