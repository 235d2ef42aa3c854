/** Which hosts only this machine can reach: what open mode may listen on and trust. [C4] [A5] */
import { BlockList, isIP } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Whether a host is on the loopback interface: `localhost`, 127.0.0.0/8 or ::1.
 *
 * Takes the host of a URL too, where an IPv6 address stands in brackets. Every other name counts as not
 * loopback, whatever it resolves to: what a name resolves to can change after the check.
 */
export function isLoopbackHost(host: string): boolean {
  const name = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const version = isIP(name);
  if (version === 0) return name.toLowerCase() === 'localhost';
  return LOOPBACK.check(name, version === 4 ? 'ipv4' : 'ipv6');
}
