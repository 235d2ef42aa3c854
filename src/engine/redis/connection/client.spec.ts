import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { TestAuthority, type CertificateOptions } from '../../../../test/support/certificates.js';
import { reasonOf } from './client.js';

describe('why Redis cannot be used over TLS', () => {
  let authority: TestAuthority;

  beforeAll(async () => {
    authority = await TestAuthority.create();
  });
  afterAll(() => authority.remove());

  /** What a client fails with that trusts the authority, or another. */
  async function reasonWith(options: CertificateOptions, ca = authority.ca): Promise<string> {
    const server = createServer(authority.vouchFor(options)).on('tlsClientError', () => undefined);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, ca });
    try {
      return await once(client, 'secureConnect').then(
        () => 'connected',
        (failure: unknown) => reasonOf(failure),
      );
    } finally {
      client.destroy();
      server.close();
    }
  }

  it('[O3] is the certificate: nobody that is trusted vouches for it, it expired, or it is for another host', async () => {
    const stranger = await TestAuthority.create();
    try {
      expect(await reasonWith({})).toBe('connected');
      expect(await reasonWith({}, stranger.ca)).toBe('the certificate of Redis is not trusted');
      expect(await reasonWith({ expires: new Date(Date.now() - 1_000) })).toBe(
        'the certificate of Redis has expired',
      );
      expect(await reasonWith({ address: '127.0.0.2' })).toBe('the certificate of Redis is for another host');
    } finally {
      await stranger.remove();
    }
  });
});
