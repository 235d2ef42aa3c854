import fc from 'fast-check';
import { addressGroup, clientAddress, isLoopback, normalizeAddress } from './client-address.js';

describe('client address', () => {
  it.each<[string, string | undefined, string | readonly string[] | undefined, number, string]>([
    ['takes the connection when there is no proxy', '203.0.113.9', undefined, 0, '203.0.113.9'],
    ['never looks at the header without trusted hops', '203.0.113.9', '127.0.0.1', 0, '203.0.113.9'],
    ['takes negative hops for none', '203.0.113.9', '127.0.0.1', -1, '203.0.113.9'],
    ['takes what the one proxy saw', '10.0.0.1', '203.0.113.9', 1, '203.0.113.9'],
    ['skips what the client wrote itself', '10.0.0.1', '127.0.0.1, 203.0.113.9', 1, '203.0.113.9'],
    ['goes back two proxies', '10.0.0.1', '1.1.1.1, 203.0.113.9, 10.0.0.2', 2, '203.0.113.9'],
    ['reads several headers as one list', '10.0.0.1', ['1.1.1.1', '203.0.113.9, 10.0.0.2'], 2, '203.0.113.9'],
    ['stops where the list ends', '10.0.0.1', '203.0.113.9', 3, '203.0.113.9'],
    ['takes the connection when the header is missing', '10.0.0.1', undefined, 2, '10.0.0.1'],
    ['takes the connection when the header is empty', '10.0.0.1', '', 1, '10.0.0.1'],
    ['takes the nearest proxy when an entry is no address', '10.0.0.1', 'evil, 10.0.0.2', 2, '10.0.0.2'],
    ['does not step over an entry that is no address', '10.0.0.1', '127.0.0.1, unknown', 2, '10.0.0.1'],
    ['drops the port that some proxies add', '10.0.0.1', '203.0.113.9:4711', 1, '203.0.113.9'],
    ['drops brackets and port of IPv6', '10.0.0.1', '[2001:db8::1]:4711', 1, '2001:db8::1'],
    ['reads IPv4 written as IPv6', '::ffff:10.0.0.1', '::FFFF:203.0.113.9', 1, '203.0.113.9'],
    ['reads IPv4 written as hexadecimal IPv6', '::ffff:cb00:7109', undefined, 0, '203.0.113.9'],
    ['shortens IPv6', '2001:0DB8:0:0:0:0:0:0001', undefined, 0, '2001:db8::1'],
    ['says unknown for a connection that has gone', undefined, undefined, 0, 'unknown'],
    ['says unknown for a pipe', '', '1.1.1.1', 0, 'unknown'],
  ])('[Q1] %s', (_, remoteAddress, header, hops, expected) => {
    expect(clientAddress(remoteAddress, header, hops)).toBe(expected);
  });

  it('[Q1] does not depend on anything the client puts in front of what the proxies saw', () => {
    const forged = fc.array(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), { maxLength: 5 });
    const seen = fc.array(fc.ipV4(), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(forged, seen, (front, entries) => {
        const header = [...front, ...entries].join(', ');
        expect(clientAddress('10.0.0.1', header, entries.length)).toBe(entries[0]);
      }),
    );
  });

  it('[Q1] is one text for all spellings of an IPv6 address', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const normal = normalizeAddress(address);
        expect(normal).toBeDefined();
        expect(normalizeAddress(address.toUpperCase())).toBe(normal);
        expect(normalizeAddress(`[${address}]:80`)).toBe(normal);
        expect(normalizeAddress(normal!)).toBe(normal);
      }),
    );
  });

  it.each([
    '',
    ' ',
    'unknown',
    '_hidden',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '[::1',
    '::1]',
    'a:b',
    '1.2.3.4:x',
  ])('[Q1] is not %j', (text) => {
    expect(normalizeAddress(text)).toBeUndefined();
  });

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['unknown', 'unknown'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8::7:1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::', 'fe80:0:0:0::/64'],
  ])('[Q1] %s is counted under %s', (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });

  it.each(['127.0.0.1', '127.255.0.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:7f00:1'])(
    '[C4] %s is loopback',
    (address) => expect(isLoopback(address)).toBe(true),
  );

  it.each([
    '128.0.0.1',
    '10.0.0.1',
    '0.0.0.0',
    '::',
    '::2',
    '::ffff:10.0.0.1',
    '127.0.0.1.evil.example',
    'unknown',
    '',
  ])('[C4] %j is not loopback', (address) => expect(isLoopback(address)).toBe(false));
});
