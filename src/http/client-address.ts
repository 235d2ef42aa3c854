/** The address a client comes from, as far as it can be believed. [L6] [Q1] */
import { isIP, SocketAddress } from 'node:net';
import { isLoopbackHost } from '../config/loopback.js';

const MAPPED_PREFIX = '::ffff:';
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * An address in its one normal form: IPv4 written as IPv6 becomes IPv4, IPv6 is shortened, zones and ports are
 * left out. `undefined` when the text is not an address.
 */
export function normalizeAddress(text: string): string | undefined {
  // As nearly every connection has it: asked for each of them, so it must cost nothing.
  if (isIP(text) === 4) return text;
  if (text.startsWith(MAPPED_PREFIX) && isIP(text.slice(MAPPED_PREFIX.length)) === 4) {
    return text.slice(MAPPED_PREFIX.length);
  }
  let address = text.trim();
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(address);
  if (bracketed) address = bracketed[1]!;
  else address = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(address)?.[1] ?? address;
  const version = isIP(address);
  if (version === 4) return address;
  if (version !== 6) return undefined;
  const short = new SocketAddress({ address: address.replace(/%.*$/, ''), family: 'ipv6' }).address;
  return MAPPED.exec(short)?.[1] ?? short;
}

/**
 * The client's address behind a known number of proxies.
 *
 * Each proxy appends the address it was called from to `X-Forwarded-For`, so the rightmost `trustedHops` entries
 * (the connection itself is the last of them) are what our own proxies saw, and the one before is the client.
 * What stands further left the client may have written itself; it is never looked at. Without trusted hops the
 * header is not looked at at all.
 *
 * An entry that is not an address ends the walk: the last address that a trusted proxy vouched for is taken.
 *
 * @param remoteAddress where the connection comes from; `undefined` once the socket is closed
 * @returns a normal form, or `unknown` when there is none
 */
export function clientAddress(
  remoteAddress: string | undefined,
  xForwardedFor: string | readonly string[] | undefined,
  trustedHops: number,
): string {
  let address = normalizeAddress(remoteAddress ?? '') ?? 'unknown';
  if (trustedHops <= 0 || xForwardedFor === undefined) return address;
  const entries = (typeof xForwardedFor === 'string' ? xForwardedFor : xForwardedFor.join(',')).split(',');
  for (let hop = 1; hop <= trustedHops; hop++) {
    const next = normalizeAddress(entries.at(-hop) ?? '');
    if (next === undefined) break;
    address = next;
  }
  return address;
}

/**
 * What sockets are counted under for a limit per address: an IPv4 address, or the /64 of an IPv6 address.
 *
 * A single subscriber holds a whole /64, that is 2^64 addresses to get around any limit on one of them.
 */
export function addressGroup(address: string): string {
  if (isIP(address) !== 6) return address;
  const [left = '', right] = address.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`;
}

/** Whether an address is this machine's own: 127.0.0.0/8 or ::1, also as IPv4 written as IPv6. */
export function isLoopback(address: string): boolean {
  // As nearly every address of this machine is written: asked for every connection, so it must cost nothing.
  if (address === '127.0.0.1' || address === '::1' || address === '::ffff:127.0.0.1') return true;
  const normal = normalizeAddress(address);
  return normal !== undefined && isLoopbackHost(normal);
}
