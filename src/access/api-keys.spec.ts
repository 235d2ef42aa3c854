import { ApiKeyRing, createApiKey, type ApiKeyRecord } from './api-keys.js';

/** What the configuration makes of an entry. */
function recordOf(entry: string): ApiKeyRecord {
  const [name, sha256, scopes] = entry.split(':');
  return { name: name!, sha256: sha256!, scopes: scopes!.split('+') };
}

describe('API keys', () => {
  const backend = createApiKey('backend', ['read', 'emit']);
  const metrics = createApiKey('metrics', ['metrics']);
  const ring = new ApiKeyRing([recordOf(backend.entry), recordOf(metrics.entry)]);

  it('[A4] are known by the header Authorization: Bearer', () => {
    expect(ring.authenticate(`Bearer ${backend.key}`)).toEqual({
      kind: 'key',
      name: 'backend',
      scopes: new Set(['read', 'emit']),
    });
    expect(ring.authenticate(`bearer  ${metrics.key}`)?.name).toBe('metrics');
    expect(ring.isEmpty).toBe(false);
  });

  it.each<[string, string | undefined]>([
    ['no header', undefined],
    ['an empty header', ''],
    ['no key', 'Bearer '],
    ['another scheme', `Basic ${backend.key}`],
    ['the key alone', backend.key],
    ['a key cut short', `Bearer ${backend.key.slice(0, -1)}`],
    ['a key with more behind it', `Bearer ${backend.key}A`],
    ['two keys', `Bearer ${backend.key} ${metrics.key}`],
    ['another case', `Bearer ${backend.key.toUpperCase()}`],
    ['the hash instead of the key', `Bearer ${backend.entry.split(':')[1]}`],
    ['the entry instead of the key', `Bearer ${backend.entry}`],
    ['a key that is nobody’s', `Bearer ${createApiKey('other', ['read']).key}`],
    ['a very long key', `Bearer ${'x'.repeat(100_000)}`],
  ])('[A4] are not: %s', (_, header) => {
    expect(ring.authenticate(header)).toBeUndefined();
  });

  it('[A4] let nobody in when none is configured', () => {
    const empty = new ApiKeyRing([]);
    expect(empty.isEmpty).toBe(true);
    expect(empty.authenticate(`Bearer ${backend.key}`)).toBeUndefined();
  });

  it('[A4] are compared with hashes in either case and only with whole ones', () => {
    const record = recordOf(backend.entry);
    const upper = new ApiKeyRing([{ ...record, sha256: record.sha256.toUpperCase() }]);
    expect(upper.authenticate(`Bearer ${backend.key}`)?.name).toBe('backend');
    for (const sha256 of ['', 'zz', record.sha256.slice(2), `${record.sha256}00`]) {
      expect(() => new ApiKeyRing([{ ...record, sha256 }])).toThrow(
        'the API key backend has no SHA-256 hash',
      );
    }
  });

  it('[A4] that stand in several entries have the scopes of all of them', () => {
    const record = recordOf(backend.entry);
    const again = { name: 'again', sha256: record.sha256.toUpperCase(), scopes: ['manage'] };
    const twice = new ApiKeyRing([record, recordOf(metrics.entry), again]);
    expect(twice.authenticate(`Bearer ${backend.key}`)).toEqual({
      kind: 'key',
      name: 'backend',
      scopes: new Set(['read', 'emit', 'manage']),
    });
  });

  it('[A4] are created with 256 random bits, an entry, and no trace of the key in it', () => {
    expect(backend.key).toMatch(/^sbk_[A-Za-z0-9_-]{43}$/);
    expect(backend.entry).toMatch(/^backend:[0-9a-f]{64}:read\+emit$/);
    expect(backend.entry).not.toContain(backend.key.slice(4));
    expect(createApiKey('twice', ['read', 'read']).entry).toMatch(/:read$/);
    expect(createApiKey('a', ['read']).key).not.toBe(createApiKey('a', ['read']).key);
  });

  it.each<[string, string[]]>([
    ['', ['read']],
    ['a:b', ['read']],
    ['a,b', ['read']],
    ['a b', ['read']],
    ['x'.repeat(65), ['read']],
    ['ok', []],
    ['ok', ['read+emit']],
    ['ok', ['read,x:y']],
    ['ok', ['']],
  ])('[A4] are not created with the name %j and the scopes %j', (name, scopes) => {
    expect(() => createApiKey(name, scopes)).toThrow(TypeError);
  });
});
