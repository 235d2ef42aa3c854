import { loadConfig } from './config.js';
import { parseRedisAddress } from './redis-address.js';

describe('the address of Redis', () => {
  it('[C1] names Sentinels, the primary, its credentials and a database', () => {
    expect(parseRedisAddress('redis+sentinel://bob:p%40ss@one:26380,10.0.0.2,[::1]:7/main/3')).toEqual({
      kind: 'sentinel',
      sentinels: [
        { host: 'one', port: 26_380 },
        { host: '10.0.0.2', port: 26_379 },
        { host: '::1', port: 7 },
      ],
      name: 'main',
      tls: false,
      login: { username: 'bob', password: 'p@ss' },
      db: 3,
      sentinelLogin: {},
    });
    expect(parseRedisAddress('rediss+sentinel://:secret@one/main')).toMatchObject({
      login: { password: 'secret' },
      tls: true,
      db: 0,
    });
  });

  it.each([
    ['sentinel_password=p%40ss%2Fw%26%3D', { password: 'p@ss/w&=' }],
    ['sentinel_password=a+b=', { password: 'a+b=' }],
    ['sentinel_username=sc%C3%B6ut&sentinel_password=p@?/', { username: 'scöut', password: 'p@?/' }],
    ['sentinel_password=p&sentinel_username=scout', { username: 'scout', password: 'p' }],
  ])('[C1] names with ?%s what the Sentinels are told', (query, sentinelLogin) => {
    const redisUrl = `redis+sentinel://bob:secret@one,two/main/3?${query}`;
    const login = { username: 'bob', password: 'secret' };
    expect(parseRedisAddress(redisUrl)).toMatchObject({ name: 'main', db: 3, login, sentinelLogin });
    expect(parseRedisAddress(redisUrl.replace('/3', ''))).toMatchObject({ db: 0, sentinelLogin });
    expect(parseRedisAddress(`rediss+sentinel://one/main?${query}`)).toMatchObject({
      login: {},
      sentinelLogin,
    });
    expect(loadConfig({ options: { redisUrl } }).redisUrl).toBe(redisUrl);
  });

  it('[C1] names nodes of a cluster and its credentials', () => {
    expect(parseRedisAddress('redis+cluster://bob:p%40ss@one:7000,10.0.0.2,[::1]:7')).toEqual({
      kind: 'cluster',
      seeds: [
        { host: 'one', port: 7_000 },
        { host: '10.0.0.2', port: 6_379 },
        { host: '::1', port: 7 },
      ],
      tls: false,
      login: { username: 'bob', password: 'p@ss' },
    });
    expect(parseRedisAddress('rediss+cluster://one')).toEqual({
      kind: 'cluster',
      seeds: [{ host: 'one', port: 6_379 }],
      tls: true,
      login: {},
    });
  });

  it.each(['redis://one', 'rediss://bob:secret@one:7/3', 'redis://[::1]/'])(
    '[C1] %s is one host',
    (redisUrl) => {
      expect(parseRedisAddress(redisUrl)).toEqual({ kind: 'single' });
      expect(loadConfig({ options: { redisUrl } }).redisUrl).toBe(redisUrl);
    },
  );

  it.each([
    'redis+sentinel://one',
    'redis+sentinel://one/',
    'redis+sentinel://one,/main',
    'redis+sentinel://one:0/main',
    'redis+sentinel://one:99999/main',
    'redis+sentinel://:%@one/main',
    'redis+sentinel://a:b@c@one/main',
    'redis+sentinel://one/main?',
    'redis+sentinel://one/main?sentinel_password=',
    'redis+sentinel://one/main?sentinel_password=%25%',
    'redis+sentinel://one/main?sentinel_username=scout',
    'redis+sentinel://one/main?sentinel_username=&sentinel_password=kumquat',
    'redis+sentinel://one/main?sentinel_password=kumquat&sentinel_password=kumquat',
    'redis+sentinel://one/main?sentinel_password=kumquat&',
    'redis+sentinel://one/main?sentinelPassword=kumquat',
    'redis+sentinel://one/main?password=kumquat',
    'redis+sentinel://one?sentinel_password=kumquat',
    'redis+cluster://',
    'redis+cluster://one?sentinel_password=kumquat',
    'redis+cluster://one,',
    'redis+cluster://one:99999',
    'redis+cluster://one/1',
    'redis+cluster://:%@one',
    'redis+other://one',
    'redis://one,two',
    'redis://one/main',
    'http://one',
  ])('[C2] %s is none, and a start with it says so without showing it', (redisUrl) => {
    expect(parseRedisAddress(redisUrl)).toBeUndefined();
    expect(() => loadConfig({ options: { redisUrl } })).toThrow(
      expect.objectContaining({
        lines: [expect.stringMatching(/^redisUrl: expected a URL (?!.*(?:kumquat|%)).*$/)],
      }) as Error,
    );
  });
});
