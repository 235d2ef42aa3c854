/** Addresses that no backend of ours has, so that a name that points there is an attack. [B7] */
import { lookup as resolveName, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Ranges of `ipaddr.js` that no request is sent to. Private ranges are not among them: backends live there. */
const REFUSED_RANGES: ReadonlySet<string> = new Set([
  'unspecified',
  'broadcast',
  'multicast',
  'linkLocal',
  'reserved',
  'benchmarking',
  'discard',
]);

/** Addresses of clouds' metadata services outside of the link-local range. */
const METADATA: ReadonlySet<string> = new Set(['fd00:ec2::254', 'fd20:ce::254', '100.100.100.200']);

/** Code of the failure of a connection whose address is refused. */
export const ADDRESS_REFUSED = 'ADDRESS_REFUSED';

const addressRefused = (): Error =>
  Object.assign(new Error('the host has an address that no request is sent to'), { code: ADDRESS_REFUSED });

/** An IPv4 address that an IPv6 address stands for: mapped, NAT64 or 6to4; otherwise the address itself. */
function innermost(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (address instanceof ipaddr.IPv4) return address;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  const bytes = address.toByteArray();
  const range = address.range();
  if (range === 'rfc6052') return new ipaddr.IPv4(bytes.slice(12));
  if (range === '6to4') return new ipaddr.IPv4(bytes.slice(2, 6));
  return address;
}

/**
 * Whether a request may be sent to an address. [B7]
 *
 * Link-local addresses, where clouds keep the credentials of a machine, metadata services elsewhere, multicast and
 * reserved ranges are refused; loopback and private addresses are not. Text that is no address is refused.
 */
export function isReachable(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const inner = innermost(ipaddr.parse(address));
  return !REFUSED_RANGES.has(inner.range()) && !METADATA.has(inner.toString());
}

/** Resolves a host to all of its addresses. */
export type Resolve = (
  host: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

const resolveAll: Resolve = (host, callback) => resolveName(host, { all: true }, callback);

/**
 * A `lookup` for sockets that gives only addresses that {@link isReachable} takes.
 *
 * The check stands between the resolution and the connection, so that a name that changes its address in between gains
 * nothing. A name with one refused address is refused as a whole.
 */
export function guardedLookup(resolve: Resolve = resolveAll): LookupFunction {
  return (host, options, callback) => {
    resolve(host, (error, addresses) => {
      if (error) return callback(error, '', 0);
      if (addresses.length === 0 || !addresses.every(({ address }) => isReachable(address))) {
        return callback(addressRefused(), '', 0);
      }
      if (options.all === true) return callback(null, addresses);
      callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
}

/** Whether the URL names an address that is refused; sockets look no name up then. */
export function namesRefusedAddress(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && !isReachable(host);
}
