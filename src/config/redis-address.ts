/** Where Redis is: an address of its own, or the name that Sentinels know its primary by. */

/** A primary that is asked of Sentinels. */
export interface SentinelAddress {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly name: string;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
}

const SENTINEL_PORT = 26_379;
const SENTINEL_URL = /^redis\+sentinel:\/\/(?:([^@/]*)@)?([^@/]+)\/([\w.-]+)(?:\/(\d{1,5}))?$/;
const HOST = /^(\[[\da-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/;

export const isSentinelUrl = (url: string): boolean => url.startsWith('redis+sentinel:');

/**
 * Reads `redis+sentinel://[user:password@]host[:port],…/primary[/database]`; not a URL as standards know it, because it
 * names several hosts.
 */
export function parseSentinelUrl(url: string): SentinelAddress | undefined {
  const [, credentials, hosts, name, db] = SENTINEL_URL.exec(url) ?? [];
  if (hosts === undefined || name === undefined) return undefined;
  const sentinels = hosts.split(',').map((text) => {
    const [, host, port] = HOST.exec(text) ?? [];
    return { host: host?.replace(/^\[|\]$/g, '') ?? '', port: Number(port ?? SENTINEL_PORT) };
  });
  if (sentinels.some(({ host, port }) => host === '' || port < 1 || port > 65_535)) return undefined;
  try {
    return { sentinels, name, db: Number(db ?? 0), ...readCredentials(credentials ?? '') };
  } catch {
    // A percent sign that escapes nothing.
    return undefined;
  }
}

function readCredentials(text: string): { username?: string; password?: string } {
  const colon = text.indexOf(':');
  const user = decodeURIComponent(colon === -1 ? text : text.slice(0, colon));
  const password = colon === -1 ? '' : decodeURIComponent(text.slice(colon + 1));
  return { ...(user === '' ? {} : { username: user }), ...(password === '' ? {} : { password }) };
}
