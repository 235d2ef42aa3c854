import { loadConfig } from './config.js';
import { parseSentinelUrl } from './redis-address.js';

describe('the address of a Redis behind Sentinels', () => {
  it('[C1] names Sentinels, the primary, its credentials and a database', () => {
    expect(parseSentinelUrl('redis+sentinel://bob:p%40ss@one:26380,10.0.0.2,[::1]:7/main/3')).toEqual({
      sentinels: [
        { host: 'one', port: 26_380 },
        { host: '10.0.0.2', port: 26_379 },
        { host: '::1', port: 7 },
      ],
      name: 'main',
      username: 'bob',
      password: 'p@ss',
      db: 3,
    });
    expect(parseSentinelUrl('redis+sentinel://:secret@one/main')).toMatchObject({
      password: 'secret',
      db: 0,
    });
  });

  it.each([
    'redis+sentinel://one',
    'redis+sentinel://one/',
    'redis+sentinel://one,/main',
    'redis+sentinel://one:0/main',
    'redis+sentinel://one:99999/main',
    'redis+sentinel://:%@one/main',
    'redis+sentinel://a:b@c@one/main',
    'rediss+sentinel://one/main',
  ])('[C2] %s is none, and a start with it says so without showing it', (redisUrl) => {
    expect(parseSentinelUrl(redisUrl)).toBeUndefined();
    expect(() => loadConfig({ options: { redisUrl } })).toThrow(
      expect.objectContaining({
        lines: [expect.stringMatching(/^redisUrl: expected a URL [^%]*$/)],
      }) as Error,
    );
  });
});
