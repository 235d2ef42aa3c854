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
  /** What the Sentinels are told: they have users of their own. */
  readonly sentinelLogin: Login;
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
const SENTINEL_PARAMETER = /^sentinel_(username|password)=(.+)$/s;
const HOST = /^(\[[\da-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/;

/**
 * Reads the addresses that Redis can have:
 *
 * - `redis://[user:password@]host[:port][/database]`
 * - `redis+sentinel://[user:password@]host[:port],…/primary[/database][?sentinel_username=…&sentinel_password=…]`
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

function readSentinels(secured: Secured, hosts: string, rest: string): SentinelAddress | undefined {
  const mark = rest.indexOf('?');
  const [path, query] = mark === -1 ? [rest, undefined] : [rest.slice(0, mark), rest.slice(mark + 1)];
  const sentinels = readHosts(hosts, SENTINEL_PORT);
  const [, name, db] = PRIMARY.exec(path) ?? [];
  const sentinelLogin = query === undefined ? {} : readSentinelLogin(query);
  if (!sentinels || name === undefined || !sentinelLogin) return undefined;
  return { kind: 'sentinel', sentinels, name, db: Number(db ?? 0), sentinelLogin, ...secured };
}

/**
 * The names are those of `go-redis` and `redis-sentinel-url`. A plus is a plus, as in the rest of the address: passwords
 * in base64 have some. What is empty is refused, because a template whose secret is missing looks like that.
 */
function readSentinelLogin(query: string): Login | undefined {
  const login: { username?: string; password?: string } = {};
  for (const parameter of query.split('&')) {
    const [, name, value] = SENTINEL_PARAMETER.exec(parameter) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const part = name as keyof Login;
    if (login[part] !== undefined) return undefined;
    login[part] = decodeURIComponent(value);
  }
  return login.password === undefined ? undefined : login;
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
