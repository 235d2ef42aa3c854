/** Where Redis is: an address of its own, the name that Sentinels know its primary by, or a cluster. */

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

interface Secured {
  readonly tls: boolean;
  readonly login: Login;
}

/** What Redis is told of who connects. */
export interface Login {
  readonly username?: string;
  readonly password?: string;
}

/** A primary that is asked of Sentinels. */
export interface SentinelAddress extends Secured {
  readonly kind: 'sentinel';
  readonly sentinels: readonly HostAndPort[];
  readonly name: string;
  readonly db: number;
}

/** A cluster, of which some nodes are known. It has no databases to choose from. */
export interface ClusterAddress extends Secured {
  readonly kind: 'cluster';
  readonly seeds: readonly HostAndPort[];
}

/** An address that `redis://` and `rediss://` say all of. */
export interface SingleAddress {
  readonly kind: 'single';
}

export type RedisAddress = SingleAddress | SentinelAddress | ClusterAddress;

const SENTINEL_PORT = 26_379;
const REDIS_PORT = 6_379;
const SEVERAL = /^redis(s?)\+(sentinel|cluster):\/\/(?:([^@/]*)@)?([^@/]+)(?:\/(.*))?$/;
const PRIMARY = /^([\w.-]+)(?:\/(\d{1,5}))?$/;
const HOST = /^(\[[\da-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/;

/**
 * Reads the addresses that Redis can have:
 *
 * - `redis://[user:password@]host[:port][/database]`
 * - `redis+sentinel://[user:password@]host[:port],…/primary[/database]`
 * - `redis+cluster://[user:password@]host[:port],…`
 *
 * and each with `rediss` over TLS. The latter two are no URLs as standards know them, because they name several hosts.
 */
export function parseRedisAddress(url: string): RedisAddress | undefined {
  const [, tls, kind, credentials, hosts, path] = SEVERAL.exec(url) ?? [];
  if (hosts === undefined) return isSingle(url) ? { kind: 'single' } : undefined;
  try {
    const secured: Secured = { tls: tls === 's', login: readLogin(credentials ?? '') };
    return kind === 'cluster' ? readCluster(secured, hosts, path) : readSentinels(secured, hosts, path ?? '');
  } catch {
    // A percent sign that escapes nothing.
    return undefined;
  }
}

function isSingle(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, pathname } = new URL(url);
  return /^rediss?:$/.test(protocol) && /^[^,]+$/.test(hostname) && /^(?:\/\d{0,5})?$/.test(pathname);
}

function readCluster(secured: Secured, hosts: string, path: string | undefined): ClusterAddress | undefined {
  const seeds = readHosts(hosts, REDIS_PORT);
  return seeds && path === undefined ? { kind: 'cluster', seeds, ...secured } : undefined;
}

function readSentinels(secured: Secured, hosts: string, path: string): SentinelAddress | undefined {
  const sentinels = readHosts(hosts, SENTINEL_PORT);
  const [, name, db] = PRIMARY.exec(path) ?? [];
  if (!sentinels || name === undefined) return undefined;
  return { kind: 'sentinel', sentinels, name, db: Number(db ?? 0), ...secured };
}

function readHosts(text: string, defaultPort: number): HostAndPort[] | undefined {
  const hosts = text.split(',').map((each) => {
    const [, host, port] = HOST.exec(each) ?? [];
    return { host: host?.replace(/^\[|\]$/g, '') ?? '', port: Number(port ?? defaultPort) };
  });
  return hosts.some(({ host, port }) => host === '' || port < 1 || port > 65_535) ? undefined : hosts;
}

function readLogin(text: string): Login {
  const colon = text.indexOf(':');
  const user = decodeURIComponent(colon === -1 ? text : text.slice(0, colon));
  const password = colon === -1 ? '' : decodeURIComponent(text.slice(colon + 1));
  return { ...(user === '' ? {} : { username: user }), ...(password === '' ? {} : { password }) };
}
